"""Scores times 100, with intervals: of each subtask, and the mean of the subtasks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from videossr.floors import normalised
from videossr.intervals import interval, of_draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videossr.intervals import Interval

_RESAMPLES: Final = 2000

#: Draws that are worked on at a time, so that a benchmark of any size takes little memory.
_AT_ONCE: Final = 250


@dataclass(frozen=True, slots=True)
class Graded:
    """What became of a question.

    Attributes:
        key: of the question.
        subtask: that it belongs to.
        video: its hash; questions about one video are not independent.
        value: of the answer, in [0, 1]; 0 where there is none or it could not be read.
        parsed: whether the answer had the form of one.
        failure: why there is no answer; empty where there is one.
    """

    key: str
    subtask: str
    video: str
    value: float
    parsed: bool = True
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A score, times 100.

    Attributes:
        raw: mean reward of the questions that were answered; None where none was. An answer that
            cannot be read is one, and earns 0.
        normalised: (raw - floor) / (1 - floor); None where the floor leaves no room.
        with_failures: mean reward of all questions, those that failed counted as 0.
        floor: what the best answer earns that never sees the pixels.
        questions: how many were asked.
        unparsable: of those answered, the ones whose answers had not the form.
        failed: those that have no answer.
    """

    raw: Interval | None
    normalised: Interval | None
    with_failures: Interval
    floor: float
    questions: int
    unparsable: int
    failed: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Of a model or a baseline, on a benchmark.

    Attributes:
        subtasks: by name.
        mean: of the subtasks, each counting alike.
    """

    subtasks: Mapping[str, Measured]
    mean: Measured


def measure(graded: Sequence[Graded], floors: Mapping[str, float]) -> Scores:
    """Scores times 100 with 95 % bootstrap intervals, resampled by video.

    Args:
        graded: all questions, at least one of each subtask.
        floors: of each subtask, in [0, 1]; they are taken as known.
    """
    groups: dict[str, list[Graded]] = {subtask: [] for subtask in floors}
    for one in graded:
        groups[one.subtask].append(one)
    subtasks = {name: _measured(group, floors[name]) for name, group in groups.items()}
    answered = [one for one in graded if not one.failure]
    complete = {one.subtask for one in answered} == set(floors)
    mean_floor = sum(floors.values()) / len(floors)
    mean = Measured(
        raw=_mean(answered) if complete else None,
        normalised=_mean(answered, floors) if complete and max(floors.values()) < 1 else None,
        with_failures=_mean(graded),
        floor=100 * mean_floor,
        questions=len(graded),
        unparsable=sum(measured.unparsable for measured in subtasks.values()),
        failed=sum(measured.failed for measured in subtasks.values()),
    )
    return Scores(subtasks, mean)


def _measured(group: Sequence[Graded], floor: float) -> Measured:
    answered = [one for one in group if not one.failure]
    raw = interval([one.value for one in answered], _videos(answered)) if answered else None
    return Measured(
        raw=times_100(raw) if raw else None,
        normalised=(
            raw.through(lambda end: 100 * normalised(end, floor)) if raw and floor < 1 else None
        ),
        with_failures=times_100(interval([one.value for one in group], _videos(group))),
        floor=100 * floor,
        questions=len(group),
        unparsable=sum(not one.parsed for one in answered),
        failed=len(group) - len(answered),
    )


def _mean(graded: Sequence[Graded], floors: Mapping[str, float] | None = None) -> Interval:
    values = [normalised(one.value, floors[one.subtask]) if floors else one.value for one in graded]
    return times_100(interval_of_means(values, _videos(graded), [one.subtask for one in graded]))


def interval_of_means(
    values: Sequence[float], videos: Sequence[str], groups: Sequence[str], *, seed: int = 0
) -> Interval:
    """The mean of the groups' means with its 95 % bootstrap interval, resampled by video.

    A video is drawn with all of its questions, whichever groups they are in: what it does to one
    group it does to the others. A group that no drawn video has a question of is left out of that draw.

    Args:
        values: one for each question, at least one.
        videos: of each question, as many.
        groups: likewise.
    """
    rows = _numbers(videos)
    columns = _numbers(groups)
    shape = (max(rows) + 1, max(columns) + 1)
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (rows, columns), values)
    np.add.at(counts, (rows, columns), 1)
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(_RESAMPLES // _AT_ONCE):
        drawn = rng.integers(shape[0], size=(_AT_ONCE, shape[0]))
        often = np.stack([np.bincount(row, minlength=shape[0]) for row in drawn])
        asked = often @ counts
        each = np.divide(often @ sums, asked, out=np.full_like(asked, np.nan), where=asked > 0)
        means.append(np.nanmean(each, axis=1))
    mean = float((sums.sum(0) / counts.sum(0)).mean())
    return of_draws(mean, np.concatenate(means), shape[0])


def times_100(interval: Interval) -> Interval:
    """An interval of rewards as one of scores."""
    return interval.through(lambda end: 100 * end)


def _numbers(names: Iterable[str]) -> list[int]:
    """A number for each name, the same for equal ones."""
    numbers: dict[str, int] = defaultdict(lambda: len(numbers))
    return [numbers[name] for name in names]


def _videos(graded: Iterable[Graded]) -> list[str]:
    return [one.video for one in graded]
