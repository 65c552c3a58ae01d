"""Two runs on the same questions: the differences, paired, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videossr.benchmark.scores import times_100
from videossr.intervals import interval, interval_of_means

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.benchmark.scores import Graded
    from videossr.intervals import Interval


@dataclass(frozen=True, slots=True)
class Difference:
    """The second run minus the first, times 100.

    Attributes:
        change: mean difference over the questions that both answered, with its interval; None where
            there are none.
        questions: how many these are.
        unpaired: questions that one of them did not answer.
    """

    change: Interval | None
    questions: int
    unpaired: int


def compare(
    first: Sequence[Graded], second: Sequence[Graded]
) -> tuple[Mapping[str, Difference], Difference]:
    """The differences of each subtask, and of the mean of the subtasks.

    Args:
        first, second: the same questions, in any order.

    Raises:
        ValueError: they are not the same questions.
    """
    others = {one.key: one for one in second}
    if {one.key for one in first} != others.keys():
        raise ValueError("first and second: other questions; must be the same")
    pairs = [(one, others[one.key]) for one in first]
    both = [(one, other) for one, other in pairs if not (one.failure or other.failure)]
    subtasks = {}
    for name in dict.fromkeys(one.subtask for one in first):
        own = [pair for pair in both if pair[0].subtask == name]
        asked = sum(one.subtask == name for one in first)
        change = interval(*_changes(own)) if own else None
        subtasks[name] = Difference(
            times_100(change) if change else None, len(own), asked - len(own)
        )
    complete = all(difference.change for difference in subtasks.values())
    mean = (
        times_100(interval_of_means(*_changes(both), [one.subtask for one, _ in both]))
        if complete
        else None
    )
    return subtasks, Difference(mean, len(both), len(first) - len(both))


def _changes(pairs: Sequence[tuple[Graded, Graded]]) -> tuple[list[float], list[str]]:
    return [other.value - one.value for one, other in pairs], [one.video for one, _ in pairs]
