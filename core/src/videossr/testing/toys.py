"""A task and a perturbation of the kit's own, on which modifiers are tried.

They keep every rule themselves. The perturbation also stands in where a task draws from
perturbations and none is installed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import Unparsable, Unsuitable, hookimpl
from videossr.draw import whole
from videossr.ramp import Ramp, within
from videossr.sample import Sample, question_prompt

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from torch import Tensor

    from videossr import Clip

#: Frames of the shortest clip that a flash is put into.
LEAST_FRAMES: Final = 16

_TIME: Final = re.compile(r"\s*-?[0-9]{1,6}(\.[0-9]{1,6})?\s*", re.ASCII)


class FlashConfig(BaseModel):
    """How long it lasts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: Annotated[
        Ramp, within(1, 16), Field(description="frames that are lit; harder is fewer")
    ] = Ramp.between(8, 2)


class Flash:
    """Lights up a few frames and asks when."""

    Config = FlashConfig
    summary = "Say when the picture turns negative"
    version = "1"

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        """The clip with a few frames in negative; the time of the first of them."""
        if len(clip) < LEAST_FRAMES:
            raise Unsuitable(f"fewer than {LEAST_FRAMES} frames")
        length = config.frames.whole_at(difficulty)
        start = whole(rng, 0, len(clip) - length)
        frames = clip.frames.clone()
        frames[start : start + length] = 255 - frames[start : start + length]
        text = "At which second does the picture turn negative? Answer alone, as in 12.50."
        answer = f"{float(clip.times[start]):.2f}"
        return Sample(question_prompt(None, text), (clip.with_frames(frames),), answer)

    @hookimpl
    def difficulty_schedule(self, progress: float) -> float:
        """As hard as the build is far."""
        return progress

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        """The nearer in time, the more."""
        if not _TIME.fullmatch(completion):
            raise Unparsable("must be a time in seconds")
        return 1 / (1 + abs(float(completion) - float(answer)))

    def near_misses(self, sample: Sample) -> Sequence[str]:
        """Half a second off, two, and eight."""
        return [f"{float(sample.answer) + late:.2f}" for late in (0.5, 2, 8)]

    def answer_times(self, answer: str) -> Sequence[float]:
        """The one."""
        return [float(answer)]


class FadingConfig(BaseModel):
    """How much of the light is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least: Annotated[int, Field(ge=0, le=50, description="percent of the light, at least")] = 20


class Fading:
    """Takes away light."""

    Config = FadingConfig
    summary = "Darken the picture"
    version = "1"
    phrase = "darkened"

    @hookimpl
    def perturb(self, clip: Clip, config: FadingConfig, rng: random.Random) -> Tensor:
        """Every level at the same drawn percentage of what it was."""
        return (clip.frames.int() * whole(rng, config.least, 60) // 100).byte()


flash: Final = Flash()
fading: Final = Fading()
