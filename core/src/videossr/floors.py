"""Blind floors: what the best answer earns that never looks at the pixels.

A raw reward says little while nobody knows what a constant answer earns: with the published settings
"3,3,3" earns 0.583 at counting. The floor is computed from the generator itself. It is conditioned on
everything that the prompt shows: the question's words and the times of the frames, whose spacing
gives away how long a segment can be.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.calls import untraced
from videossr.errors import Unsuitable
from videossr.footage import Footage
from videossr.seeds import derive_seed, rng_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from videossr.facades import Task
    from videossr.sample import Sample

_SIDE: Final = 64  # pixels of the stand-in frames: enough for shapes, quick to draw on

#: Samples on which all candidates are tried; with each round there are fewer, on more samples.
_FIRST_ROUND: Final = 16

#: So many stay to the end: on few samples, chance alone tells them apart.
_FINALISTS: Final = 32


@dataclass(frozen=True, slots=True)
class Floors:
    """The blind floors of tasks at the difficulties at which they were measured.

    Args:
        measured: by task and difficulty.
    """

    measured: Mapping[str, Mapping[float, float]] = field(default_factory=dict)

    def at(self, task: str, difficulty: float) -> float:
        """The floor at a difficulty in [0, 1]; between two that were measured, on the line between them.

        Raises:
            KeyError: nothing was measured for this task.
        """
        levels = sorted(self.measured[task])
        above = bisect_left(levels, difficulty)
        low, high = levels[max(0, above - 1)], levels[min(above, len(levels) - 1)]
        floors = self.measured[task]
        if high <= low:
            return floors[high]
        share = (difficulty - low) / (high - low)
        return floors[low] + (floors[high] - floors[low]) * share

    def mean(self, task: str, difficulties: Iterable[float]) -> float:
        """The mean floor of questions of these difficulties; of the levels measured if there are none."""
        each = [self.at(task, difficulty) for difficulty in difficulties]
        return fmean(each or self.measured[task].values())


def normalised(reward: float, floor: float) -> float:
    """A reward with the blind floor at 0 and a perfect answer at 1: (raw - floor) / (1 - floor).

    Negative below the floor. 0 where the floor is 1, and nothing can be told.
    """
    return (reward - floor) / (1 - floor) if floor < 1 else 0.0


def blind_floor(
    task: Task,
    timelines: Sequence[tuple[Tensor, float]],
    *,
    seed: int,
    draws: int = 256,
    candidates: int = 256,
    size: tuple[int, int] = (_SIDE, _SIDE),
) -> float:
    """The best expected reward without the pixels, averaged over timelines.

    For each timeline the task makes `draws` questions on noise. Half of them choose the best answer
    for each wording of the question, the other half say what it earns, and the reverse, so that the
    choice is not flattered by its own luck. Wordings that come up once are taken together.

    Args:
        timelines: times float64 [T] in seconds, each with its difficulty.
        seed: the run's root seed.
        draws: questions for each timeline, an even number.
        size: height and width of the stand-in frames, in pixels.
        candidates: most answers tried for each wording, the most frequent first, besides those that the
            task's own `guesses` gives.

    Returns:
        A reward in [0, 1].

    Raises:
        Unsuitable: the task makes no question on any of the timelines.
    """
    with untraced():  # tens of thousands of calls, for which nobody would look
        return _blind_floor(task, timelines, seed, draws, candidates, size)


def _blind_floor(
    task: Task,
    timelines: Sequence[tuple[Tensor, float]],
    seed: int,
    draws: int,
    candidates: int,
    size: tuple[int, int],
) -> float:
    import torch  # noqa: PLC0415 - a dataset's floors are read without

    from videossr.clip import Clip  # noqa: PLC0415 - likewise

    floors = []
    refusals: Counter[str] = Counter()
    for number, (times, difficulty) in enumerate(timelines):
        noise = torch.Generator().manual_seed(derive_seed(seed, "floor noise", number) >> 1)
        frames = torch.randint(0, 256, (len(times), 3, *size), generator=noise, dtype=torch.uint8)
        clip = Clip(frames, times)
        # Perturbations that take frames from elsewhere find noise, too.
        footage = Footage.noise(times, size, derive_seed(seed, "floor footage", number))
        by_wording: dict[str, list[Sample]] = defaultdict(list)
        for draw in range(draws):
            rng = rng_for(seed, "floor", task.name, task.version, number, draw)
            try:
                sample = task.make_sample(
                    clip, difficulty=difficulty, rng=rng, context="blind floor", footage=footage
                )
            except Unsuitable as error:
                refusals[str(error)] += 1
                continue
            by_wording[sample.question].append(light(sample))
        floors += [
            (_best_constant(task, samples, candidates), len(samples))
            for samples in _groups(by_wording.values())
        ]
    total = sum(count for _, count in floors)
    if not total:
        ((reason, _),) = refusals.most_common(1) or [("none was asked for", 0)]
        raise Unsuitable(f"task {task.name!r} makes no question on any timeline: {reason}")
    return sum(floor * count for floor, count in floors) / total


def light(sample: Sample) -> Sample:
    """A sample with the first frame of each clip alone: a thousand whole ones take a gigabyte."""
    from videossr.clip import Segment  # noqa: PLC0415 - a dataset's floors are read without torch

    clips = (clip.cut(Segment(0, 1)) for clip in sample.clips)
    # in memory of its own, or the whole clip would stay with it
    return replace(sample, clips=tuple(clip.with_frames(clip.frames.clone()) for clip in clips))


def _groups(by_wording: Iterable[list[Sample]]) -> list[list[Sample]]:
    """Samples of one wording each; the wordings that came up once are taken together.

    Alone, such a sample would choose the answer that it then judges.
    """
    wordings = list(by_wording)
    often = [samples for samples in wordings if len(samples) > 1]
    once = [samples[0] for samples in wordings if len(samples) == 1]
    return [*often, once] if len(once) > 1 or (not often and once) else often


def _best_constant(task: Task, samples: Sequence[Sample], candidates: int) -> float:
    """What the answer that is best for half of the samples earns for the other half, and the reverse."""
    halves = samples[::2], samples[1::2] or samples
    earned = _Earned(task)
    chosen = [best_answer(task, half, candidates, earned) for half in halves]
    return sum(earned(*pair) for pair in zip(chosen, reversed(halves), strict=True)) / 2


def best_answer(
    task: Task, samples: Sequence[Sample], candidates: int, earned: _Earned | None = None
) -> str:
    """The answer that earns most for all of some samples.

    Args:
        samples: at least one.
        candidates: most answers tried, the most frequent first, besides those that the task's own
            `guesses` gives.
        earned: remembers rewards, where others are asked about the same samples.
    """
    earned = earned or _Earned(task)
    frequency: dict[str, int] = defaultdict(int)
    for sample in samples:
        frequency[sample.answer] += 1
    likely = sorted(frequency, key=lambda answer: (-frequency[answer], answer))[:candidates]
    likely = list(dict.fromkeys([*likely, *task.guesses(samples)]))
    # Successive halving, by quarters: few samples are enough to see that an answer is a bad one.
    tried = _FIRST_ROUND
    while len(likely) > _FINALISTS and tried < len(samples):
        asked = samples[:tried]
        likely.sort(key=lambda answer: -earned(answer, asked))
        likely = likely[: max(_FINALISTS, len(likely) // 4)]
        tried *= 4
    return max(likely, key=lambda answer: earned(answer, samples))


class _Earned:
    """The mean reward of one answer to all of some samples.

    A reward follows from the completion, the sample's answer and its target, so it is asked for once where
    samples agree in these.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._known: dict[tuple[str, str, str], float] = {}
        self._targets: dict[int, tuple[Sample, str]] = {}  # a sample that is held keeps its id

    def __call__(self, answer: str, samples: Sequence[Sample]) -> float:
        return sum(self._reward(answer, sample) for sample in samples) / len(samples)

    def _reward(self, answer: str, sample: Sample) -> float:
        if id(sample) not in self._targets:
            self._targets[id(sample)] = sample, json.dumps(sample.target, sort_keys=True)
        key = answer, sample.answer, self._targets[id(sample)][1]
        if key not in self._known:
            self._known[key] = self._task.score(answer, sample.answer, sample.target).value
        return self._known[key]
