"""Playback speed: the halves of a video play at two speeds, and the model says how they compare.

How fast a video plays by itself cannot be known: nobody sees whether a stranger walked slowly. So the
question compares. For example

    [video] How many times as fast as the first half of this video does the second half play? Answer
    with the number alone, with two decimals, as in 1.25; below 1 is slower.
    -> 1.50

where the first half shows every second frame of the clip and the second half every third. A speed is
such a step: every n-th frame, never a mixture of steps, since a stutter would give the factor away.

What is not in the picture says nothing. Both halves have as many frames whatever the factor, at the
times of the clip's first frames, and the factor is drawn first, each as likely, then the two speeds
that make it. So neither the times, nor the number of frames, nor how fast one half is tells it.
"""

from __future__ import annotations

import math
import re
from itertools import permutations
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from videossr import Ramp, Sample, Unparsable, Unsuitable, hookimpl
from videossr.draw import choice, whole
from videossr.marks import Mark
from videossr.ramp import within
from videossr.sample import question_prompt

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from videossr import Clip

QUESTION: Final = (
    "How many times as fast as the first half of this video does the second half play? "
    "Answer with the number alone, with two decimals, as in 1.25; below 1 is slower."
)


class PlaybackSpeedConfig(BaseModel):
    """Which speeds there are, how near they come to each other, and how long they are seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    speeds: Annotated[
        tuple[Annotated[int, Field(ge=1, le=16)], ...],
        Field(
            min_length=2,
            max_length=8,
            description="speeds of a half: at speed n every n-th frame of the clip is shown",
        ),
    ] = (1, 2, 3, 4)
    least_factor: Annotated[
        Ramp,
        within(1, 16),
        Field(description="the faster half plays at least so many times as fast; harder is less"),
    ] = Ramp.between(2, 1.3, train=1.5)
    pairs: Annotated[
        Ramp,
        within(2, 32),
        Field(description="pairs of frames that are shown of each half; harder is fewer"),
    ] = Ramp.between(4, 2)
    least_motion: Annotated[
        float,
        Field(
            ge=0,
            le=255,
            description="grey levels by which the frames of a half must change in most steps: "
            "where nothing moves there is no speed to see",
        ),
    ] = 1.0

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if len(set(self.speeds)) < len(self.speeds):
            raise ValueError(f"speeds {list(self.speeds)} repeat; must be different ones")
        widest = max(self.speeds) / min(self.speeds)
        if self.least_factor.greatest > widest:
            raise ValueError(
                f"least_factor reaches {self.least_factor.greatest:g}, and speeds "
                f"{list(self.speeds)} differ by a factor of {widest:g} at most; must stay below it"
            )
        return self


# The generator


def span(frames: int, first: int, second: int) -> int:
    """How many frames of the clip two halves of `frames` frames each need, whichever comes first."""
    return frames * max(first, second) + (frames - 1) * min(first, second) + 1


def questions(
    config: PlaybackSpeedConfig, difficulty: float, length: int
) -> dict[str, list[tuple[int, int]]]:
    """The answers that a clip allows, each with the speeds of the two halves that make it.

    A clip that has room for two speeds in one order has it for the other, so that of each factor its
    inverse is there too.

    Raises:
        Unsuitable: the clip has too few frames for any.
    """
    frames = 2 * config.pairs.whole_at(difficulty)
    least = config.least_factor.at(difficulty)
    apart = [
        (first, second)
        for first, second in permutations(sorted(config.speeds), 2)
        if max(first, second) >= least * min(first, second)
    ]
    found: dict[str, list[tuple[int, int]]] = {}
    for first, second in apart:
        if span(frames, first, second) <= length:
            found.setdefault(f"{second / first:.2f}", []).append((first, second))
    if not found:
        needed = min(span(frames, first, second) for first, second in apart)
        raise Unsuitable(f"{length} frames; needs at least {needed}")
    return found


def retimed(start: int, frames: int, first: int, second: int) -> list[int]:
    """The frame numbers that are shown: `frames` with steps of `first`, then as many of `second`.

    The step from one half to the other is the second's.
    """
    turn = start + (frames - 1) * first
    opening = range(start, turn + 1, first)
    return [*opening, *(turn + second * (step + 1) for step in range(frames))]


def is_even(times: Sequence[float]) -> bool:
    """Whether each time is nearer to its own tick of an even clock than to any other."""
    tick = (times[-1] - times[0]) / max(1, len(times) - 1)
    return all(abs(time - times[0] - n * tick) < tick / 2 for n, time in enumerate(times[1:], 1))


def motion(frames: Tensor) -> float:
    """Mean change from a frame to the next, in grey levels: the median over the steps.

    The median, so that one hard cut in a still video is no motion. Whole numbers up to the last
    division, so that every machine decides alike.

    Args:
        frames: uint8 [T, 3, H, W], T at least 2.
    """
    steps = (frames[1:].int() - frames[:-1].int()).abs().sum(dim=(1, 2, 3))
    return int(steps.median()) / frames[0].numel()


# The scorer

_FORM: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?", re.ASCII)


def read_factor(completion: str) -> float:
    """The number that a completion states; space around it is forgiven, nothing else.

    Raises:
        Unparsable: any other text.
    """
    stated = completion.strip()
    if not _FORM.fullmatch(stated):
        raise Unparsable("must be one number, such as 1.25")
    return float(stated)


def closeness(stated: float, true: float, greatest: float) -> float:
    """How near a factor comes to the true one: 1 - |log(stated / true)| / log(greatest), at least 0.

    Half as fast is as far from right as twice as fast. `greatest` is the largest factor that could
    have been asked: whoever takes the halves of such a video for equally fast earns nothing.
    """
    if stated == 0:
        return 0.0
    return max(0.0, 1 - abs(math.log(stated / true)) / math.log(greatest))


class PlaybackSpeed:
    """The task `playback_speed`."""

    Config = PlaybackSpeedConfig
    summary = "Say how many times as fast the second half of a video plays"
    version = "1"

    @hookimpl
    def make_sample(
        self, clip: Clip, config: PlaybackSpeedConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        """Play two stretches of a clip at two speeds, one after the other."""
        if not is_even(clip.times.tolist()):
            raise Unsuitable("frames at uneven times")
        found = questions(config, difficulty, len(clip))
        answer = choice(rng, sorted(found, key=float))
        first, second = choice(rng, found[answer])
        frames = 2 * config.pairs.whole_at(difficulty)
        start = whole(rng, 0, len(clip) - span(frames, first, second))
        shown = retimed(start, frames, first, second)
        picture = clip.frames[shown]
        if min(motion(picture[:frames]), motion(picture[frames:])) < config.least_motion:
            raise Unsuitable("nothing moves in one of the halves")
        return Sample(
            prompt=question_prompt(None, QUESTION),
            clips=(type(clip)(picture, clip.times[: len(shown)] - clip.times[0]),),
            answer=answer,
            target={
                "speeds": [first, second],
                "frames": shown,
                "greatest": max(float(factor) for factor in found),
            },
        )

    @hookimpl
    def reward(self, completion: str, answer: str, target: Mapping[str, Any]) -> float:
        """How near the stated factor comes to the true one."""
        return closeness(read_factor(completion), float(answer), target["greatest"])

    def near_misses(self, sample: Sample) -> list[str]:
        """A quarter of the scale too fast, half of it, and all of it."""
        true, greatest = float(sample.answer), sample.target["greatest"]
        return [f"{true * greatest**share:.2f}" for share in (0.25, 0.5, 1)]

    def marks(self, sample: Sample) -> list[Mark]:
        """The two halves, each under its speed."""
        half = len(sample.target["frames"]) // 2
        return [
            Mark(0, number * half, (number + 1) * half, f"{which} half, speed {speed}")
            for number, (which, speed) in enumerate(
                zip(("first", "second"), sample.target["speeds"], strict=True)
            )
        ]


plugin = PlaybackSpeed()
