"""Drift: lets the light of a clip wander, so that each moment has a colour of its own.

For example a clip gets redder for a second, and darker then. Moments that are near in time have colours
that are near, which is the easiest thing that a model can learn to put in order; as questions get harder
the light wanders less.

The shift of a channel is noise over the time of the video's own clock: octaves of linearly interpolated
noise, the slower the stronger, which is near to a random walk. Over the frames at hand it has a mean of
0 and the same strength in every clip, so that no clip is lighter than another as a whole: what is to be
learnt is how moments differ. Footage from elsewhere in the video has a mean of its own, so this is for
tasks that ask for none, as `fade` is.
"""

from __future__ import annotations

import math
import statistics
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr.ramp import Ramp, within
from videossr.seeds import derive_seed
from videossr_modifiers.fade import eased

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Generator

    from videossr import Clip

#: Seconds between the knots of each octave.
_OCTAVES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)

#: Variance of noise that is drawn from [-1, 1] at knots and interpolated between, on average over time.
_VARIANCE: Final = 2 / 9


class DriftConfig(BaseModel):
    """How far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: Annotated[
        Ramp,
        within(0, 128),
        Field(
            description="standard deviation of a channel's shift over the frames, in grey levels of 255; "
            "harder is less"
        ),
    ] = Ramp.between(40, 0, train=40)
    spread: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of the clips that drift as at an easier difficulty, any from 0 to the "
            "question's own",
        ),
    ] = 0.5


class Drifting:
    """The wrapper of one run."""

    def __init__(self, config: DriftConfig) -> None:
        self._config = config

    @hookimpl(wrapper=True)
    def prepare_clip(self, difficulty: float, rng: random.Random) -> Generator[None, Any, Any]:
        """The clip, each frame lighter or darker in each channel."""
        import torch  # noqa: PLC0415 - torch is no part of a light import

        clip: Clip = yield
        amount = self._config.amount.at(eased(difficulty, self._config.spread, rng))
        chance = int(rng.random() * 2**53)
        if not amount:
            return clip
        times = clip.times.tolist()
        lights = [light(chance, channel) for channel in range(3)]
        levels = [_standard([shift(time) for time in times]) for shift in lights]
        moments = [
            [round(amount * level) for level in moment] for moment in zip(*levels, strict=True)
        ]
        shifts = torch.tensor(moments, dtype=torch.int32)[:, :, None, None]
        return clip.with_frames((clip.frames.int() + shifts).clamp(0, 255).byte())


def light(chance: int, channel: int) -> Callable[[float], float]:
    """The shift of a channel at a time in seconds, of mean 0 and variance 1."""

    @cache
    def knot(octave: int, number: int) -> float:
        return derive_seed("drift", chance, channel, octave, number) / 2**63 - 1

    def shift(time: float) -> float:
        parts = []
        for octave, spacing in enumerate(_OCTAVES):
            number = math.floor(time / spacing)
            along = time / spacing - number
            level = (1 - along) * knot(octave, number) + along * knot(octave, number + 1)
            parts.append(math.sqrt(spacing / sum(_OCTAVES) / _VARIANCE) * level)
        return math.fsum(parts)

    return shift


def _standard(levels: list[float]) -> list[float]:
    """Of mean 0 and standard deviation 1; all 0 where they are all the same."""
    mean = statistics.fmean(levels)
    spread = statistics.pstdev(levels, mean)
    return [(level - mean) / spread if spread else 0.0 for level in levels]


class Drift:
    """The modifier `drift`."""

    Config = DriftConfig
    summary = "Let the light of a clip wander, less as questions get harder"
    version = "1"

    @hookimpl
    def make_modifier(self, config: DriftConfig) -> Drifting:
        """Wrappers for one run."""
        return Drifting(config)


plugin = Drift()
