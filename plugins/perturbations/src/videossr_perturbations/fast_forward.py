"""Fast-forward: for the length of the segment the video runs, say, three times faster.

The pictures come from the source, three times as far apart as the frames of the clip, so that nothing is
shown twice. They begin with the segment's own first picture; after the segment the video is where it
would be, which is back from where fast-forward had come. To shift all that follows would be another
video: so every pixel outside of the segment is as it was, to the bit, and there is one true timeline. Where
the source ends too soon, the pictures begin so much earlier; where it is too short even so, the segment
cannot be altered.

Studied by VideoSSR (arXiv 2511.06281), which leaves it out in the end, since it hurt.
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


class FastForwardConfig(Bounds):
    """How much faster."""

    least: Annotated[float, Field(gt=1, le=64, description="smallest speed that is drawn")] = 2.0
    greatest: Annotated[
        float,
        Field(
            gt=1,
            le=64,
            description="largest speed that is drawn, at least `least`; less where the video is short",
        ),
    ] = 4.0


class FastForward:
    """The perturbation `fast_forward`."""

    Config = FastForwardConfig
    summary = "Run several times faster"
    version = "1"
    hook_api = 2
    phrase = "shown in fast motion"
    involution = False

    @hookimpl
    def perturb(
        self, clip: Clip, config: FastForwardConfig, rng: random.Random, footage: Footage
    ) -> Tensor:
        """Frames of the source, farther apart than the segment's by one factor; uint8 [t, 3, H, W]."""
        seconds, start = seconds_of(clip), float(clip.times[0])
        first, last = footage.own.first, footage.own.last
        if last - first < config.least * seconds:
            raise Unsuitable("the video is too short for fast motion")
        speed = uniform(rng, config.least, min(config.greatest, (last - first) / seconds))
        start = max(first, min(start, last - speed * seconds))
        shown = footage.own.take(start, start + speed * seconds, len(clip))
        if len(shown) < len(clip):
            raise Unsuitable("the video has no frames so far apart as fast motion needs")
        return shown.frames.clone()

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether enough moves for it to show."""
        return moves(before, after)


plugin = FastForward()
