"""Tasks that break a rule when they grade answers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from breaking_plugins.parts import Consecutive
from videossr import Unparsable, Unsuitable, hookimpl
from videossr.draw import whole
from videossr.sample import Sample, question_prompt
from videossr.testing.toys import Flash, FlashConfig

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from videossr import Clip


class Rounding(Flash):
    """Grades against a time that the answer has rounded."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        time = float(sample.answer)
        return replace(sample, answer=f"{time:.1f}", target={"time": time})

    @hookimpl
    def reward(self, completion: str, target: dict[str, Any]) -> float:  # type: ignore[override]
        return super().reward(completion, str(target["time"]))


class Choking(Flash):
    """Reads numbers of any length, of which int() does not."""

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", completion):
            raise Unparsable("must be a time in seconds")
        return super().reward(f"{min(99, int(completion.partition('.')[0]))}", answer) and (
            super().reward(completion[:6], answer)
        )


class Moody(Flash):
    """Likes a wrong answer less when it hears it again."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        again = self._calls.again((completion, answer))
        score = super().reward(completion, answer)
        return 0.9 * score if again and score < 1 else score


class Plateau(Flash):
    """Half a point for whatever is wrong."""

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        return 1.0 if super().reward(completion, answer) == 1 else 0.5


class Mumbling(Flash):
    """Its near misses are no answers."""

    def near_misses(self, sample: Sample) -> Sequence[str]:  # noqa: ARG002 - as it is called
        return ["soon", "later"]


class Stumbling(Flash):
    """Its near misses are not to be had."""

    def near_misses(self, sample: Sample) -> Sequence[str]:
        raise LookupError(sample.answer[:0] + "no near miss")


class Bribable(Flash):
    """Pays for garbage, and has no near misses to show."""

    @property
    def near_misses(self) -> Sequence[str]:  # type: ignore[override] # as if there were none
        raise AttributeError

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        try:
            return super().reward(completion, answer)
        except Unparsable:
            return 0.9


class Tight(Flash):
    """Does not say how to answer."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, prompt=question_prompt(None, "When does it turn negative?"))


class Gossip(Flash):
    """Tells the answer, which is one of four."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        start = 8 * whole(rng, 0, min(3, len(clip) // 8 - 1))
        length = config.frames.whole_at(difficulty)
        frames = clip.frames.clone()
        frames[start : start + length] = 255 - frames[start : start + length]
        answer = f"{float(clip.times[start]):.2f}"
        text = f"When does it turn negative? Answer as in 12.50, but it is {answer}."
        return Sample(question_prompt(None, text), (clip.with_frames(frames),), answer)


class Pictorial(Flash):
    """Refuses what flickers as noise does."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if (clip.frames[1:].int() - clip.frames[:-1].int()).abs().float().mean() > 70:
            raise Unsuitable("noise")
        return super().make_sample(clip, config, difficulty, rng)
