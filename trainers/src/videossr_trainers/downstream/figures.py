"""The figures of a list: over what was answered, and over every row.

A row that was not answered counts 0 in the second kind, so that a model, a server or a folder that
loses questions cannot gain by it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final, Literal

from videossr.intervals import Interval, interval
from videossr_trainers.downstream.outcome import ANSWERED, counts
from videossr_trainers.downstream.truth import Choice, grade

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from videossr_trainers.downstream.outcome import Outcome, State

Kind = Literal["vqa", "grounding"]

#: What the rows without a category are called, where others have one.
NO_CATEGORY: Final = "(no category)"

#: What a value in [0, 1] counts for, by the name of the metric; the first is the main one.
METRICS: Final[dict[Kind, dict[str, Callable[[float], float]]]] = {
    "vqa": {"accuracy": float},
    "grounding": {
        "mIoU": float,
        "R@0.3": lambda value: float(value >= 0.3),  # noqa: PLR2004 - as its name says
        "R@0.5": lambda value: float(value >= 0.5),  # noqa: PLR2004
        "R@0.7": lambda value: float(value >= 0.7),  # noqa: PLR2004
    },
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of some rows.

    Attributes:
        name: of the category; empty for all rows.
        counts: rows by state.
        over_answered: by metric, over the rows that were answered, in whatever form; None if none was.
        over_rows: by metric, over all rows, those not answered counting 0.
    """

    name: str
    counts: Mapping[State, int]
    over_answered: Mapping[str, Interval | None]
    over_rows: Mapping[str, Interval]

    @property
    def questions(self) -> int:
        """Rows in all."""
        return sum(self.counts.values())

    @property
    def answered(self) -> int:
        """Rows to which the model had something to say, in whatever form."""
        return sum(self.counts[state] for state in ANSWERED)


@dataclass(frozen=True, slots=True)
class Baselines:
    """What can be had without a model.

    Attributes:
        questions: over how many it was measured, all of them answered.
        model: what the model has over the same, by metric.
        values: by name and metric.
    """

    questions: int
    model: Mapping[str, Interval]
    values: Mapping[str, Mapping[str, float]]


def figures_of(outcomes: Sequence[Outcome], kind: Kind, name: str = "") -> Figures:
    """The figures of some rows, at least one; intervals are resampled by video."""
    answered = [one for one in outcomes if one.answered]
    return Figures(
        name,
        counts(outcomes),
        {
            metric: _interval(answered, worth) if answered else None
            for metric, worth in METRICS[kind].items()
        },
        {metric: _interval(outcomes, worth) for metric, worth in METRICS[kind].items()},
    )


def by_category(outcomes: Sequence[Outcome], kind: Kind) -> list[Figures]:
    """The figures of each category, by name; none where no row has one."""
    names = sorted({one.category for one in outcomes if one.row} - {""})
    if not names:
        return []
    found = [
        figures_of([one for one in outcomes if one.category == name], kind, name) for name in names
    ]
    rest = [one for one in outcomes if not one.category]
    return [*found, *([figures_of(rest, kind, NO_CATEGORY)] if rest else [])]


def baselines(outcomes: Sequence[Outcome], kind: Kind) -> Baselines | None:
    """What can be had without a model, over the rows that were answered; None where nothing is known.

    Of questions and short answers in one list, it is known of the multiple choice alone.
    """
    answered = [one for one in outcomes if one.answered]
    if kind == "grounding":
        whole = {"the whole video": [_worth(one, f"0-{one.seconds:.1f}") for one in answered]}
        return _measured(answered, whole, kind)
    choices = [one for one in answered if one.row and isinstance(one.row.truth, Choice)]
    truths = [one.row.truth for one in choices if one.row and isinstance(one.row.truth, Choice)]
    if not truths:
        return None
    ((often, _),) = Counter(truth.label for truth in truths).most_common(1)
    found = {f"always {often}": [float(truth.label == often) for truth in truths]}
    if all(truth.options.texts for truth in truths):
        found["a guess"] = [1 / len(truth.options.labels) for truth in truths]
    return _measured(choices, found, kind)


def _worth(outcome: Outcome, answer: str) -> float:
    return grade(outcome.row.truth, answer).value if outcome.row else 0.0


def _measured(
    outcomes: Sequence[Outcome], values: Mapping[str, Sequence[float]], kind: Kind
) -> Baselines | None:
    if not outcomes:
        return None
    return Baselines(
        len(outcomes),
        {metric: _interval(outcomes, worth) for metric, worth in METRICS[kind].items()},
        {
            name: {metric: fmean(map(worth, some)) for metric, worth in METRICS[kind].items()}
            for name, some in values.items()
        },
    )


def _interval(outcomes: Sequence[Outcome], worth: Callable[[float], float]) -> Interval:
    return interval([worth(one.value) for one in outcomes], [one.content for one in outcomes])
