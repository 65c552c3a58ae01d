"""The page of a comparison, and the files beside it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from videossr.intervals import FEWEST_VIDEOS
from videossr_trainers.comparison.differences import ALL
from videossr_trainers.pages import claim_page, ends, signed, write_json, write_page, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr_trainers.comparison.differences import Comparison, MetricDifference
    from videossr_trainers.comparison.runs import MeasuredQuestion

_ends: Final = partial(ends, sign=True)

#: Questions of each comparison that the page lists.
_LISTED: Final = 40

_COLUMNS: Final = (
    *("first", "second", "group", "metric", "first_mean", "second_mean"),
    *("difference", "low", "high", "videos", "questions", "unpaired", "verdict"),
)


def write_comparisons(compared: Sequence[Comparison], path: Path) -> list[Path]:
    """Write comparisons with one run: HTML, and JSON and CSV of the same name, each in one step.

    Args:
        compared: at least one, all with the same first run.
        path: of the HTML; missing folders are made.

    Returns:
        The files.

    Raises:
        ConfigError: as `claim_page`.
    """
    as_json, as_csv = claim_page(path)
    runs = [compared[0].first, *(one.second for one in compared)]
    kind = runs[0].settings["kind"]
    write_page(
        path,
        "videossr_trainers.comparison",
        "comparison.html.jinja",
        filters={"points": _points, "range": _ends},
        kind=kind,
        runs=runs,
        compared=[(one, _changed(one)) for one in compared],
        listed=_LISTED,
        fewest=FEWEST_VIDEOS,
    )
    write_json(
        as_json,
        {
            "kind": kind,
            "questions": runs[0].settings["questions"],
            "runs": [
                {"name": run.name, "folder": str(run.folder), "settings": dict(run.settings)}
                for run in runs
            ],
            "comparisons": [
                {
                    "first": one.first.name,
                    "second": one.second.name,
                    "differences": [_tree(difference) for difference in one.differences],
                }
                for one in compared
            ],
        },
    )
    write_table(
        as_csv, _COLUMNS, [_row(one, found) for one in compared for found in one.differences]
    )
    return [path, as_json, as_csv]


def summary_of(compared: Sequence[Comparison]) -> list[str]:
    """The differences over all questions in a few lines of text."""
    lines = []
    for one in compared:
        head = f"{one.second.name} minus {one.first.name}"
        lines += [
            f"{head}, {found.metric}: {_points(found.change.mean)} {_ends(found.change)} over "
            f"{found.questions} questions: {found.verdict}"
            for found in one.differences
            if found.change and found.group == ALL
        ] or [f"{head}: no question that both answered"]
    return lines


def _tree(found: MetricDifference) -> dict[str, Any]:
    return {
        "group": found.group,
        "metric": found.metric,
        "first": found.first,
        "second": found.second,
        "change": found.change and found.change._asdict(),
        "questions": found.questions,
        "unpaired": found.unpaired,
        "verdict": found.verdict,
    }


def _row(one: Comparison, found: MetricDifference) -> dict[str, Any]:
    change = found.change
    tree = {name: value for name, value in _tree(found).items() if name != "change"}
    return {
        **tree,
        "first": one.first.name,
        "second": one.second.name,
        "first_mean": found.first,
        "second_mean": found.second,
        "difference": change and change.mean,
        "low": change and change.low,
        "high": change and change.high,
        "videos": change and change.videos,
    }


def _changed(
    one: Comparison,
) -> list[tuple[float, MeasuredQuestion, MeasuredQuestion]]:
    """The questions on which the runs differ in the main metric, the greatest differences first."""
    if not one.differences:
        return []
    main = one.differences[0].metric
    changes = [
        (second.values[main] - first.values[main], first, second)
        for first, second in one.pairs
        if first.values and second.values
    ]
    return sorted((c for c in changes if c[0]), key=lambda c: (-abs(c[0]), c[1].name))


def _points(value: float) -> str:
    """A difference x 100, with its sign."""
    return signed(100 * value, 1)
