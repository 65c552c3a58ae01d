"""An evaluation from end to end: its folder, its figures, its report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import VideoError
from videossr.wording import counted
from videossr_trainers.downstream.figures import (
    METRICS,
    NO_CATEGORY,
    Baselines,
    Figures,
    Kind,
    baselines,
    by_category,
    figures_of,
)
from videossr_trainers.downstream.folder import RESULTS
from videossr_trainers.downstream.outcome import STATES, Outcome, sample_of
from videossr_trainers.downstream.spans import read_span
from videossr_trainers.downstream.truth import Choice, Spans
from videossr_trainers.pages import (
    Card,
    Said,
    ends,
    frames_of,
    players_of,
    score,
    spread,
    write_json,
    write_page,
    write_table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videossr.clip import Clip
    from videossr.intervals import Interval
    from videossr.marks import Mark
    from videossr_trainers.downstream.how import How
    from videossr_trainers.downstream.videos import Videos

#: From which value on an answer is no failure to look at.
_GOOD: Final = 0.5

_COLUMNS: Final = (
    *("line", "row", "id", "category", "video", "content", "state", "reason", "question", "answer"),
    *("completion", "prediction", "value"),
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What there is to report.

    Attributes:
        kind: of the list.
        title: what the list is called.
        outcomes: one for each row, in the order of the list.
        how: it was measured.
    """

    kind: Kind
    title: str
    outcomes: Sequence[Outcome]
    how: How

    @property
    def figures(self) -> Figures:
        """Over all rows."""
        return figures_of(self.outcomes, self.kind)

    @property
    def cut_off(self) -> int:
        """Answers that could not be read and took up all the tokens that they might."""
        return sum(one.cut_off and one.state == "unparsed" for one in self.outcomes)


def write_evaluation(evaluation: Evaluation, videos: Videos, folder: Path, *, shown: int) -> Path:
    """Write `results.json`, `rows.csv` and `report.html`, each in one step.

    Args:
        evaluation: what there is to report.
        videos: from which the clips are taken.
        folder: of the run.
        shown: most failures to look at.

    Returns:
        The report.
    """
    figures, categories = evaluation.figures, by_category(evaluation.outcomes, evaluation.kind)
    without = baselines(evaluation.outcomes, evaluation.kind)
    rows = [_row(one) for one in evaluation.outcomes]
    write_json(
        folder / RESULTS,
        {
            "kind": evaluation.kind,
            "list": evaluation.title,
            **_figures(figures),
            "without_a_model": _without(without) if without else None,
            "cut_off": evaluation.cut_off,
            "categories": {one.name: _figures(one) for one in categories},
            "how": evaluation.how.tree,
            "rows": rows,
        },
    )
    write_table(folder / "rows.csv", _COLUMNS, rows)
    return write_page(
        folder / "report.html",
        "videossr_trainers.downstream",
        "evaluation.html.jinja",
        filters={"counted": counted},
        evaluation=evaluation,
        figures=figures,
        categories=categories,
        facts=evaluation.how.facts,
        metrics=list(METRICS[evaluation.kind]),
        without=without,
        baselines=without.values if without and without.questions == figures.answered else {},
        states=STATES,
        lost=_lost(evaluation.outcomes),
        plots=_plots(evaluation),
        cards=_cards(evaluation.outcomes, videos, shown),
    )


def summary_of(evaluation: Evaluation) -> list[str]:
    """The main figures in a few lines of text."""
    figures = evaluation.figures
    lines = [
        f"{metric}: {_told(figures.over_answered[metric])} over {figures.answered} answered, "
        f"{_told(figures.over_rows[metric])} over all {counted(figures.questions, 'row')}"
        for metric in METRICS[evaluation.kind]
    ]
    apart = [
        f"{count} {STATES[state]}"
        for state, count in figures.counts.items()
        if count and state != "graded"
    ]
    return [*lines, *([f"of these: {'; '.join(apart)}"] if apart else [])]


def _told(value: Interval | None) -> str:
    if value is None:
        return "none"
    return f"{score(value.mean)} {ends(value)}"


def _figures(figures: Figures) -> dict[str, Any]:
    def plain(some: Mapping[str, Interval | None]) -> dict[str, Any]:
        return {metric: value and value._asdict() for metric, value in some.items()}

    return {
        "questions": figures.questions,
        "counts": dict(figures.counts),
        "over_answered": plain(figures.over_answered),
        "over_all_rows": plain(figures.over_rows),
    }


def _without(found: Baselines) -> dict[str, Any]:
    return {
        "questions": found.questions,
        "model": {metric: value._asdict() for metric, value in found.model.items()},
        "baselines": found.values,
    }


def _row(one: Outcome) -> dict[str, Any]:
    """A row as plain values; None where there is nothing to say."""
    return {
        "line": one.line,
        "row": one.number,
        "id": one.row.name if one.row else None,
        "category": one.category or None,
        "video": one.video or None,
        "content": one.content,
        "state": one.state,
        "reason": one.reason or None,
        "question": one.row.question if one.row else None,
        "answer": one.row.truth.shown if one.row else None,
        "completion": one.completion if one.answered else None,
        "prediction": one.said if one.state == "graded" else None,
        "value": one.value if one.answered else None,
    }


def _lost(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    """The rows that were not answered, a line each, by what became of them in words."""
    lines: dict[str, list[str]] = {}
    for state, words in STATES.items():
        for one in outcomes:
            if one.state == state and not one.answered:
                video = f", {one.video}" if one.video else ""
                line = f"{one.where}{video}: {one.reason}"
                lines.setdefault(words, []).append(line)
    return lines


def _plots(evaluation: Evaluation) -> list[tuple[str, str, list[tuple[str, int, float]]]]:
    """Title, note and columns of each histogram."""
    answered = [one for one in evaluation.outcomes if one.answered]
    if not answered:
        return []
    if evaluation.kind == "grounding":
        bins = Counter(min(9, int(10 * one.value)) for one in answered)
        note = "answers by their intersection over union, in tenths"
        columns = [(f".{number}", bins[number]) for number in range(10)]
        return [("Overlap", note, _shares(columns))]
    choices = [one for one in answered if one.row and isinstance(one.row.truth, Choice)]
    if not choices:
        return []
    said = Counter(one.said for one in choices if one.state == "graded")
    right = Counter(
        one.row.truth.label for one in choices if one.row and isinstance(one.row.truth, Choice)
    )
    labels = sorted({*said, *right})
    return [
        ("What the model said", "by label", _shares([(label, said[label]) for label in labels])),
        ("What is right", "by label", _shares([(label, right[label]) for label in labels])),
    ]


def _shares(columns: Sequence[tuple[str, int]]) -> list[tuple[str, int, float]]:
    total = sum(count for _, count in columns) or 1
    return [(label, count, count / total) for label, count in columns]


def _cards(outcomes: Sequence[Outcome], videos: Videos, most: int) -> list[Card]:
    """Failures to look at, of every kind and category."""
    failures = [one for one in outcomes if one.answered and one.value < _GOOD]
    chosen = spread(
        failures, most, lambda one: (one.state, one.category), lambda one: f"{one.number}"
    )
    return [_card(one, videos) for one in chosen]


def _card(one: Outcome, videos: Videos) -> Card:
    row = one.row
    if row is None:  # for the types: what was answered has a row
        raise ValueError(f"line {one.line}: no question")
    try:
        clips = sample_of(row, videos).clips
    except VideoError as error:  # gone since it was asked
        clips, problem = (), str(error)
    else:
        problem = one.reason
    value = one.value if one.state == "graded" else None
    return Card(
        name=row.name,
        kind="wrong" if one.state == "graded" else "not in the form of an answer",
        group=row.category or NO_CATEGORY,
        question=row.prompt,
        right=row.truth.shown,
        said=[Said(one.completion.strip(), 1, value)],
        players=players_of(clips, _marks(one, clips[0])) if clips else [],
        problem=problem,
        facts={"video": one.video, "line": str(one.line)},
    )


def _marks(one: Outcome, clip: Clip) -> list[Mark]:
    """The right spans and the one that was said, where it is about spans."""
    if one.row is None or not isinstance(one.row.truth, Spans):
        return []
    spans = [(span, "right") for span in one.row.truth.spans]
    if one.state == "graded":
        spans.append((read_span(one.said), "said"))
    return [mark for span, label in spans for mark in frames_of(clip, *span, label)]
