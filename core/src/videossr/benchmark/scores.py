"""Scores times 100, with intervals: of each subtask, and the mean of the subtasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videossr.floors import normalised
from videossr.intervals import interval, interval_of_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videossr.intervals import Interval


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


def times_100(interval: Interval) -> Interval:
    """An interval of rewards as one of scores."""
    return interval.through(lambda end: 100 * end)


def _videos(graded: Iterable[Graded]) -> list[str]:
    return [one.video for one in graded]
