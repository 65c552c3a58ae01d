"""Tasks that keep every rule: by their answers, and on few clips."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from videossr import Unparsable, Unsuitable, hookimpl
from videossr.sample import Sample, question_prompt
from videossr.testing.toys import Flash, FlashConfig

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from videossr import Clip


class Spanning(Flash):
    """States two times, the first with fewer decimals."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        (shown,) = sample.clips
        text = "When does the picture turn negative in the clip? As in 12.5 to 20.25."
        answer = f"{float(sample.answer):.1f} to {float(shown.times[-1]):.2f}"
        return Sample(question_prompt(None, text), sample.clips, answer)

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        match = re.fullmatch(r"([0-9]{1,3}\.[0-9]) to ([0-9]{1,3}\.[0-9]{2})", completion, re.ASCII)
        if not match:
            raise Unparsable("must be two times")
        pairs = zip(match.groups(), answer.split(" to "), strict=True)
        return 1 / (1 + sum(abs(float(stated) - float(true)) for stated, true in pairs))

    def near_misses(self, sample: Sample) -> Sequence[str]:
        first, last = sample.answer.split(" to ")
        return [f"{float(first) + late:.1f} to {last}" for late in (0.5, 2, 8)]

    def answer_times(self, answer: str) -> Sequence[float]:
        return [float(time) for time in answer.split(" to ")]


class Apart(Flash):
    """Takes the first clip unless it is to be hard, and then the others."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if (difficulty == 1) == (float(clip.times[1]) == 0.25):
            raise Unsuitable("of the other level")
        return super().make_sample(clip, config, difficulty, rng)


class Latest(Flash):
    """Takes the last clip alone, by its frame rate."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if not 0.2 < float(clip.times[1] - clip.times[0]) < 0.21:
            raise Unsuitable("of another frame rate")
        return super().make_sample(clip, config, difficulty, rng)
