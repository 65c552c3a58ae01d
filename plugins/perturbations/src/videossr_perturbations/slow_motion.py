"""Slow motion: for the length of the segment the video runs, say, three times slower.

The pictures between those of the clip come from the source, which has more frames a second than the clip
wherever a video is longer than a moment; where it has not, the segment cannot be altered, since frames
shown twice would be a stutter. After the segment the video goes on where it would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from videossr import Unsuitable, hookimpl
from videossr.draw import uniform
from videossr_perturbations.bounds import Bounds
from videossr_perturbations.motion import moves, seconds_of

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr import Footage
    from videossr.clip import Clip


class SlowMotionConfig(Bounds):
    """How much slower."""

    least: Annotated[float, Field(gt=1, le=64, description="smallest slowdown that is drawn")] = 2.0
    greatest: Annotated[
        float, Field(gt=1, le=64, description="largest slowdown that is drawn, at least `least`")
    ] = 4.0


class SlowMotion:
    """The perturbation `slow_motion`."""

    Config = SlowMotionConfig
    summary = "Run several times slower"
    version = "1"
    hook_api = 2
    phrase = "shown in slow motion"
    involution = False

    @hookimpl
    def perturb(
        self, clip: Clip, config: SlowMotionConfig, rng: random.Random, footage: Footage
    ) -> Tensor:
        """Frames of the source, nearer to each other than the segment's; uint8 [t, 3, H, W]."""
        slowdown = uniform(rng, config.least, config.greatest)
        start = float(clip.times[0])
        shown = footage.own.take(start, start + seconds_of(clip) / slowdown, len(clip))
        if len(shown) < len(clip):
            raise Unsuitable("the video has no frames between those of the clip")
        return shown.frames.clone()

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether enough moves for it to show."""
        return moves(before, after)


plugin = SlowMotion()
