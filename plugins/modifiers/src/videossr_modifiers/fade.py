"""Fade: takes a clip's contents back, what stands still and what moves each by a share of its own.

For example a wall that stands still is gone, and a hand that waves before it has three times its
contrast. What tells the moments of a clip from one another is small beside what tells one clip from
another, so that a model which has never compared frames learns clips by heart before it learns to compare;
and a shape is easier to know before nothing than before a street. Begun on grey, and given moving and
still parts back by a difficulty that rises, it goes on doing what it has learnt.

What stands still is the mean of the frames at hand. Footage from elsewhere in the video has a mean of its
own, so this is for tasks that ask for none; let an alteration that does begin at the hardest level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr.ramp import Ramp, within

if TYPE_CHECKING:
    import random
    from collections.abc import Generator

    from videossr import Clip

#: Shares are rounded to so many bits behind the point, so that pixels come of whole numbers alone.
_BITS: Final = 8
_PARTS: Final = 1 << _BITS

#: What takes the place of what is taken back.
_GREY: Final = 128


class FadeConfig(BaseModel):
    """How much stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    still: Annotated[
        Ramp,
        within(0, 1),
        Field(description="contrast of the mean of all frames, 1 as it is; harder is more"),
    ] = Ramp.between(0, 1, train=0)
    moving: Annotated[
        Ramp,
        within(0, 8),
        Field(description="contrast of the difference of each frame from that mean, 1 as it is"),
    ] = Ramp.between(0, 1, train=3)
    spread: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of the clips that are faded as at an easier difficulty, any from 0 to the "
            "question's own, so that what was learnt first is not forgotten",
        ),
    ] = 0.5


class Faded:
    """The wrapper of one run."""

    def __init__(self, config: FadeConfig) -> None:
        self._config = config

    @hookimpl(wrapper=True)
    def prepare_clip(self, difficulty: float, rng: random.Random) -> Generator[None, Any, Any]:
        """The clip with its still and its moving part at their contrasts."""
        import torch  # noqa: PLC0415 - torch is no part of a light import

        clip: Clip = yield
        level = eased(difficulty, self._config.spread, rng)
        still = round(self._config.still.at(level) * _PARTS)
        moving = round(self._config.moving.at(level) * _PARTS)
        if still == moving == _PARTS:
            return clip
        frames = clip.frames.int()
        mean = (frames.sum(0, dtype=torch.int32) + len(frames) // 2) // len(frames)
        # still * (mean - grey) + moving * (frame - mean), plus grey, rounded: all but one term of every frame
        # is the same for all frames.
        same = (still - moving) * mean - still * _GREY + (_GREY << _BITS) + (1 << _BITS - 1)
        levels = frames.mul_(moving).add_(same) >> _BITS
        return clip.with_frames(levels.clamp_(0, 255).byte())


def eased(difficulty: float, spread: float, rng: random.Random) -> float:
    """The difficulty, or, in a share of the cases, any from 0 to it. Takes two draws."""
    moved, share = rng.random() < spread, rng.random()
    return difficulty * share if moved else difficulty


class Fade:
    """The modifier `fade`."""

    Config = FadeConfig
    summary = "Take back what stands still and what moves, less as questions get harder"
    version = "1"

    @hookimpl
    def make_modifier(self, config: FadeConfig) -> Faded:
        """Wrappers for one run."""
        return Faded(config)


plugin = Fade()
