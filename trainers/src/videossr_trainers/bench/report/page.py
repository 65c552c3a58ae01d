"""From runs to their page, and the files beside it."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from videossr.intervals import FEWEST_VIDEOS
from videossr_trainers.bench.report.failures import Failure, failures
from videossr_trainers.bench.report.histogram import histogram
from videossr_trainers.bench.report.published import published
from videossr_trainers.bench.report.tables import (
    COLUMNS,
    RunTable,
    as_tree,
    comparisons,
    run_tables,
    table_rows,
)
from videossr_trainers.pages import claim_page, ends, signed, write_json, write_page, write_table
from videossr_trainers.report.plots import colour_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from videossr.benchmark import Graded
    from videossr.dataset import Recipe
    from videossr.intervals import Interval
    from videossr.render import Renderer
    from videossr_trainers.bench.folder import Finished

#: What a model was shown that was not shown its own video.
_UNSEEING: Final = {"blind": "blind", "wrong_video": "with the wrong videos"}

#: Scores are times 100 already.
_ends: Final = partial(ends, times=1)

#: Those of the demo's report, and our own.
_STYLES: Final = (
    ("videossr_trainers.report", "report.css"),
    ("videossr_trainers.bench.report", "bench.css"),
)


def write_bench_report(
    runs: Sequence[Finished],
    path: Path,
    *,
    renderer: Renderer | None = None,
    recipes: Sequence[Recipe] = (),
    worst: int = 2,
    by_chance: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write the report of some runs of one benchmark: HTML, and JSON and CSV of the same name.

    The page refers to nothing outside of itself, and shows texts without interpreting them. Each file
    appears whole or not at all.

    Args:
        runs: the first is what others are compared with.
        path: of the HTML; missing folders are made.
        renderer: of the benchmark; None where its videos are not at hand.
        recipes: of the benchmark.
        worst, by_chance: questions of each subtask to look at.
        progress: called with questions rendered and questions in all.

    Returns:
        The files.

    Raises:
        ConfigError: the runs are not of one benchmark; or as `claim_page`.
    """
    as_json, as_csv = claim_page(path)
    tables = run_tables(runs)
    asked = [table for table in tables if table.sighted]
    shown = (
        failures(asked, renderer, recipes, worst=worst, by_chance=by_chance, progress=progress)
        if asked
        else []
    )
    _write_html(path, tables, shown)
    write_json(as_json, as_tree(tables))
    write_table(as_csv, COLUMNS, table_rows(tables))
    return [path, as_json, as_csv]


def _write_html(path: Path, tables: Sequence[RunTable], shown: Sequence[Failure]) -> None:
    subtasks = list(tables[0].run.facts["subtasks"])
    colours = {name: colour_of(number) for number, name in enumerate(subtasks)}
    asked = [table for table in tables if table.sighted]
    write_page(
        path,
        "videossr_trainers.bench.report",
        "bench.html.jinja",
        styles=_STYLES,
        filters={"signed": signed, "ends": _ends, "score": "{:.1f}".format},
        title=" and ".join(table.name for table in tables),
        tables=tables,
        headlines=[(table.name, _headline(table)) for table in tables],
        compared=comparisons(tables),
        against=asked[0].name if asked else "",
        subtasks=subtasks,
        fewest=FEWEST_VIDEOS,
        # If they are independent; those that share videos miss together, and so more seldom.
        misses=100 * (1 - 0.95 ** len(subtasks)),
        colours=colours,
        histograms=[(table.name, _histograms(table, colours)) for table in asked],
        ours=_means(tables),
        published=published(subtasks),
        failures=shown,
        facts=[(table.name, _facts(table)) for table in tables],
    )


def _headline(table: RunTable) -> str:
    """The mean, its floor, and on how many subtasks the video was looked at."""
    mean = table.rows[-1].scores[table.main]
    if not table.conditions:
        return f"No model was asked; the best constant scores {mean.with_failures.mean:.1f}."
    if not table.sighted:
        return (
            f"Asked {_without_its_video(table)}, and not about its own videos, so it has no score."
        )
    if mean.raw is None:
        return "A subtask has no answer at all, so there is no mean."
    text = (
        f"Mean of the subtasks {mean.raw.mean:.1f} {_ends(mean.raw)}, blind floor {mean.floor:.1f}"
    )
    differences = [row.looked.change for row in table.rows[:-1] if row.looked]
    better = [change for change in differences if change and change.verdict == "higher"]
    if table.control:
        count = f"{len(better)} of {len(table.rows) - 1} subtasks"
        text += f"; shown to do better with its video than {table.control} on {count}"
    return text + "."


def _without_its_video(table: RunTable) -> str:
    """The conditions of a run that was asked nothing else, with the means and the floor."""
    last = table.rows[-1].scores
    told = []
    for condition in table.conditions:
        raw = last[condition].raw
        mean = f"{raw.mean:.1f} {_ends(raw)}" if raw else "unknown"
        told.append(f"{_UNSEEING[condition]} (mean of the subtasks {mean})")
    return f"{' and '.join(told)}, blind floor {last[table.main].floor:.1f}"


def _histograms(table: RunTable, colours: dict[str, str]) -> list[tuple[str, Any, int]]:
    """Of each subtask how the scores of its answers are spread, and how many questions have none."""
    control = table.graded.get("wrong_video") or table.graded.get("blind") or []
    return [
        (
            row.name,
            histogram(
                _values(table.graded["sighted"], row.name),
                _values(control, row.name),
                row.scores["sighted"].floor,
                colours[row.name],
            ),
            row.scores["sighted"].failed,
        )
        for row in table.rows[:-1]
    ]


def _values(graded: Sequence[Graded], subtask: str) -> list[float]:
    """What the answers of a subtask are worth; a question without one is none that is worth 0."""
    return [one.value for one in graded if one.subtask == subtask and not one.failure]


def _means(tables: Sequence[RunTable]) -> list[tuple[str, Interval]]:
    """The means of the runs that have one, the best first."""
    ours = [
        (table.name, mean)
        for table in tables
        if table.sighted and (mean := table.scores["sighted"].mean.raw)
    ]
    return sorted(ours, key=lambda one: -one[1].mean)


def _facts(table: RunTable) -> dict[str, str]:
    facts = table.run.facts
    total = sum(facts["subtasks"].values())
    shown = {
        "run": str(table.run.folder),
        "benchmark": f"{facts['source']}, digest {facts['benchmark']}",
        "questions": f"{total} in {len(facts['subtasks'])} subtasks, about {facts['videos']} videos",
        "pixels": f"{facts['as_built']} of {total} questions to the bit as the build checked them"
        + (f"; {facts['unrendered']} cannot be rendered" if facts["unrendered"] else ""),
        "frames": json.dumps(facts["video"]),
        "versions": ", ".join(f"{name} {found}" for name, found in facts["versions"].items()),
        "plugins": ", ".join(
            f"{name} {one['plugin_version']} ({one['distribution']} {one['version']})"
            for name, one in facts["plugins"].items()
        ),
    }
    if facts["modifiers"]:
        shown["modifiers"] = json.dumps(facts["modifiers"])
    if not table.conditions:
        return shown
    identity = facts["model"] if isinstance(facts["model"], str) else json.dumps(facts["model"])
    shown |= {"model": facts["name"], "model's identity": identity}
    shown |= {"decoding": json.dumps(facts["decoding"]), **table.run.told}
    for condition, found in facts["failures"].items():
        for reason, count in found.items():
            shown[f"without an answer, {condition.replace('_', ' ')}: {count}"] = reason
    return shown
