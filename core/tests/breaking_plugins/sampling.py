"""Tasks that break a rule when they make samples."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from breaking_plugins.parts import Consecutive
from videossr import Unsuitable, hookimpl
from videossr.draw import whole
from videossr.marks import Mark
from videossr.sample import Sample, question_prompt
from videossr.testing.toys import Flash, FlashConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr import Clip


class NumpyWriter(Flash):
    """Writes to the frames where torch does not see it."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        clip.frames.numpy()[0, 0, 0, 0] ^= 255
        return super().make_sample(clip, config, difficulty, rng)


class NumpyTimesWriter(Flash):
    """Writes to the times where torch does not see it."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        clip.times.numpy()[0] -= 1
        return super().make_sample(clip, config, difficulty, rng)


class InPlaceWriter(Flash):
    """Writes to the frames so that torch sees it, and every call is refused."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        clip.frames[0] = 0
        return super().make_sample(clip, config, difficulty, rng)


class NeverHard(Flash):
    """Refuses every clip at the hard level."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        if difficulty == 1:
            raise Unsuitable("too hard")
        return super().make_sample(clip, config, difficulty, rng)


class Choosy(Flash):
    """Refuses every clip."""

    @hookimpl
    def make_sample(self) -> Sample:
        raise Unsuitable("not nice enough")


class Raising(Flash):
    """Never gets anywhere."""

    @hookimpl
    def make_sample(self) -> Sample:
        raise ZeroDivisionError("of frames")


class Remembering(Flash):
    """Words the question differently when it is asked for twice in a row."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        again = self._calls.again((rng.getstate(), difficulty))
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, target={"again": True}) if again else sample


class Hashing(Flash):
    """Uses a hash that every process salts for itself."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, target={"hash": hash("flash")})


class FixedWhenEasy(Flash):
    """At the easy level, every seed makes the same sample of a clip."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        dice = rng if difficulty else random.Random(1)
        return super().make_sample(clip, config, difficulty, dice)


class Invisible(Flash):
    """Shows the clip as it is."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        return replace(sample, clips=(clip,))


class FrameCounter(Flash):
    """Reckons times from frame numbers."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        sample = super().make_sample(clip, config, difficulty, rng)
        times = [f"{time:.2f}" for time in clip.times.tolist()]
        return replace(sample, answer=f"{times.index(sample.answer) * 0.25:.2f}")


class Astray(Flash):
    """Marks a frame more than there are."""

    def marks(self, sample: Sample) -> Sequence[Mark]:
        return [Mark(0, 0, len(sample.clips[0]) + 1, "negative")]


class Unmoved(Flash):
    """Takes the difficulty and does nothing about it."""

    @hookimpl
    def make_sample(
        self,
        clip: Clip,
        config: FlashConfig,
        difficulty: float,  # noqa: ARG002 - that is what is wrong
        rng: random.Random,
    ) -> Sample:
        return super().make_sample(clip, config, 0.5, rng)


class Undifficult(Flash):
    """Has a setting that follows the difficulty, and does not take it."""

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, config: FlashConfig, rng: random.Random
    ) -> Sample:
        return super().make_sample(clip, config, 0.5, rng)


class Narrowing(Flash):
    """The harder, the fewer places: easier to guess."""

    @hookimpl
    def make_sample(
        self, clip: Clip, config: FlashConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        start = whole(rng, 0, round(1 + 30 * (1 - difficulty)))
        frames = clip.frames.clone()
        length = config.frames.whole_at(difficulty)
        frames[start : start + length] = 255 - frames[start : start + length]
        prompt = question_prompt(None, "When does the picture turn negative? As in 12.50.")
        return Sample(prompt, (clip.with_frames(frames),), f"{float(clip.times[start]):.2f}")


class OffScale(Flash):
    """A schedule that goes on after 1."""

    @hookimpl
    def difficulty_schedule(self, progress: float) -> float:
        return 2 * progress


class Wavering(Flash):
    """A schedule that depends on how often it was asked."""

    def __init__(self) -> None:
        self._calls = Consecutive()

    @hookimpl
    def difficulty_schedule(self, progress: float) -> float:
        return progress if self._calls.again(progress) else progress / 2
