"""What differs between two runs, paired by question."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.intervals import Interval, interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr_trainers.comparison.runs import MeasuredQuestion, MeasuredRun

#: What the row over all questions is called.
ALL: Final = "all questions"


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """The second run minus the first, in one metric, over the questions that both answered.

    Attributes:
        group: a category or a task, or `ALL`.
        metric: its name.
        first, second: the means of each; None where both answered no question.
        change: the mean difference, resampled by video.
        questions: that both answered.
        unpaired: that one of them asked and not both answered.
    """

    group: str
    metric: str
    first: float | None
    second: float | None
    change: Interval | None
    questions: int
    unpaired: int

    @property
    def verdict(self) -> str:
        """What the interval of the difference shows."""
        if self.change is None:
            return "no question that both answered"
        found = self.change.verdict
        return "no difference shown" if found == "not shown" else found


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run against the first.

    Attributes:
        first, second: the runs.
        differences: of each group and metric, those over all questions first.
        pairs: the questions that both answered.
    """

    first: MeasuredRun
    second: MeasuredRun
    differences: Sequence[MetricDifference]
    pairs: Sequence[tuple[MeasuredQuestion, MeasuredQuestion]]

    @property
    def settings(self) -> dict[str, tuple[object, object]]:
        """The settings in which the runs differ."""
        one, other = self.first.settings, self.second.settings
        return {
            name: (one.get(name), other.get(name))
            for name in {**one, **other}
            if one.get(name) != other.get(name)
        }


def compare(first: MeasuredRun, second: MeasuredRun) -> Comparison:
    """Pair two runs on the same questions."""
    names = list(dict.fromkeys([*first.questions, *second.questions]))
    pairs = [
        (one, other)
        for name in names
        if (one := first.questions.get(name))
        and (other := second.questions.get(name))
        and one.values is not None
        and other.values is not None
    ]
    # What has no answer in one run may be without its group there.
    group_of = {
        name: question.group
        for run in (second, first)
        for name, question in run.questions.items()
        if question.group
    }
    groups = sorted({*group_of.values()})
    metrics = list(dict.fromkeys(metric for one, _ in pairs for metric in one.values or {}))
    differences = []
    for group in [ALL, *(groups if len(groups) > 1 else [])]:
        own = [pair for pair in pairs if group in {ALL, group_of.get(pair[0].name)}]
        asked = sum(group in {ALL, group_of.get(name)} for name in names)
        differences += [_difference(group, metric, own, asked) for metric in metrics]
    return Comparison(first, second, differences, pairs)


def _difference(
    group: str,
    metric: str,
    pairs: Sequence[tuple[MeasuredQuestion, MeasuredQuestion]],
    asked: int,
) -> MetricDifference:
    values = [
        (one.values[metric], other.values[metric])
        for one, other in pairs
        if one.values and other.values
    ]
    if not values:
        return MetricDifference(group, metric, None, None, None, 0, asked)
    return MetricDifference(
        group,
        metric,
        fmean(one for one, _ in values),
        fmean(other for _, other in values),
        interval([other - one for one, other in values], [one.video for one, _ in pairs]),
        len(values),
        asked - len(values),
    )
