"""Fade still: takes away what does not move, and gives it back as questions get harder.

For example at half the full amount a wall that stands still keeps half its contrast, and a hand that
waves before it is as clear as ever. What tells the parts of a clip apart is small beside what tells
one clip from another, so that a model which has never compared frames learns clips by heart before it
learns to compare. Begun without the still part, and given it back by a difficulty that rises, it
learns to compare, and goes on doing so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr.draw import uniform
from videossr.ramp import Ramp, within

if TYPE_CHECKING:
    import random
    from collections.abc import Generator

    from videossr import Clip

#: Shares are rounded to this part of one, so that pixels come of whole numbers alone.
_PARTS: Final = 256

#: What takes the place of the still part.
_GREY: Final = 128


class FadeStillConfig(BaseModel):
    """How much is taken away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: Annotated[
        Ramp,
        within(0, 1),
        Field(description="share of the still part that is taken away; harder is less"),
    ] = Ramp.between(1, 0)
    gain: Annotated[
        float,
        Field(
            ge=1,
            le=8,
            description="at the full amount the contrast of what is left is multiplied by this",
        ),
    ] = 3.0
    spread: Annotated[
        float,
        Field(ge=0, le=1, description="share of the clips that less than the amount is drawn for"),
    ] = 0.5


class Faded:
    """The wrapper of one run."""

    def __init__(self, config: FadeStillConfig) -> None:
        self._config = config

    @hookimpl(wrapper=True)
    def prepare_clip(self, difficulty: float, rng: random.Random) -> Generator[None, Any, Any]:
        """The clip less a part of the mean of its frames."""
        clip: Clip = yield
        amount = self._config.amount.at(difficulty)
        less, share = rng.random() < self._config.spread, uniform(rng, 0, 1)
        amount *= share if less else 1
        taken = round(amount * _PARTS)
        gain = round((1 + (self._config.gain - 1) * amount) * _PARTS)
        if not taken:
            return clip
        frames = clip.frames.int()
        mean = (frames.sum(0) + len(frames) // 2) // len(frames)
        left = (frames - _GREY) * _PARTS - taken * (mean - _GREY)
        return clip.with_frames((_GREY + (left * gain) // _PARTS**2).clamp(0, 255).byte())


class FadeStill:
    """The modifier `fade_still`."""

    Config = FadeStillConfig
    summary = "Take away what stands still, less of it as questions get harder"
    version = "1"

    @hookimpl
    def make_modifier(self, config: FadeStillConfig) -> Faded:
        """Wrappers for one run."""
        return Faded(config)


plugin = FadeStill()
