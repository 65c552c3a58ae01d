"""What the page, the JSON and the CSV say of runs: scores, controls, differences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from videossr import ConfigError
from videossr.benchmark import BASELINES, Difference, Graded, Scores, compare, measure
from videossr.errors import Mistake
from videossr_trainers.bench.conditions import CONDITIONS, Condition
from videossr_trainers.bench.report.names import run_names
from videossr_trainers.bench.report.published import published
from videossr_trainers.bench.running import graded_rows, scores_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.intervals import Interval
    from videossr_trainers.bench.folder import Finished


@dataclass(frozen=True, slots=True)
class Row:
    """One subtask of one run, or the mean over all of them; scores times 100.

    Attributes:
        name: of the subtask; empty for the mean.
        scores: by condition and baseline.
        looked: the score with the right video minus that with the wrong one, or blind where the wrong
            one was not asked; None where neither was.
    """

    name: str
    scores: Mapping[str, Any]
    looked: Difference | None


@dataclass(frozen=True, slots=True)
class RunTable:
    """A run as it is reported.

    Attributes:
        name: unique in a report, and short; see `run_names`.
        run: as its folder has it.
        graded: by condition and baseline.
        scores: likewise.
        rows: subtasks in order, and last the mean.
        control: what `looked` compares with, in words; empty where there is nothing.
    """

    name: str
    run: Finished
    graded: Mapping[str, Sequence[Graded]]
    scores: Mapping[str, Scores]
    rows: Sequence[Row]
    control: str

    @property
    def conditions(self) -> list[Condition]:
        """Under which a model was asked; none where there was none."""
        return [condition for condition in CONDITIONS if condition in self.scores]

    @property
    def sighted(self) -> bool:
        """Whether a model was asked about its own videos, for which alone it has a score."""
        return "sighted" in self.scores

    @property
    def main(self) -> str:
        """What is shown as the run's own score: sighted, else another condition, else the best constant."""
        return next(iter(self.conditions), "constant")


@dataclass(frozen=True, slots=True)
class AgainstFirst:
    """A run against the first: by subtask, and of the mean under the empty name."""

    name: str
    differences: Mapping[str, Difference]


def run_tables(runs: Sequence[Finished]) -> list[RunTable]:
    """The tables of some runs.

    Raises:
        ConfigError: they are not of one benchmark; every other one is named.
    """
    first = runs[0]
    digest = first.facts["benchmark"]
    others = [
        Mistake(
            str(run.folder),
            f"of the benchmark {run.facts['benchmark']}, and {first.folder} of {digest}",
            "compare runs of one benchmark: the same folder, or copies of it",
        )
        for run in runs[1:]
        if run.facts["benchmark"] != digest
    ]
    if others:
        raise ConfigError(others)
    return [_table(name, run) for name, run in zip(run_names(runs), runs, strict=True)]


def _table(name: str, run: Finished) -> RunTable:
    graded: dict[str, Sequence[Graded]] = {
        condition: [given.graded for (shown, _), given in run.answers.items() if shown == condition]
        for condition in CONDITIONS
        if condition in run.facts["conditions"]
    }
    for baseline in BASELINES:
        guesses = [row for row in run.baselines if row["baseline"] == baseline]
        graded[baseline] = graded_rows(run.questions, guesses)
    floors = run.facts["floors"]
    scores = {}
    for which, some in graded.items():
        there = {one.subtask for one in some}
        known = {task: floor for task, floor in floors.items() if task in there}
        if known:
            scores[which] = measure(some, known)
    control = next((c for c in ("wrong_video", "blind") if c in graded), "")
    looked: Mapping[str, Difference] = {}
    if control and "sighted" in graded:
        by_subtask, mean = compare(graded[control], graded["sighted"])
        looked = {**by_subtask, "": mean}
    rows = [
        Row(
            subtask,
            {
                which: found.subtasks[subtask] if subtask else found.mean
                for which, found in scores.items()
                if not subtask or subtask in found.subtasks
            },
            looked.get(subtask),
        )
        for subtask in [*run.facts["subtasks"], ""]
    ]
    words = {"wrong_video": "with the wrong one", "blind": "blind"}.get(control, "")
    return RunTable(name, run, graded, scores, rows, words)


def comparisons(tables: Sequence[RunTable]) -> list[AgainstFirst]:
    """Every run with a score of its own against the first that has one."""
    asked = [table for table in tables if table.sighted]
    found = []
    for table in asked[1:]:
        by_subtask, mean = compare(asked[0].graded["sighted"], table.graded["sighted"])
        found.append(AgainstFirst(table.name, {**by_subtask, "": mean}))
    return found


def as_tree(tables: Sequence[RunTable]) -> dict[str, Any]:
    """Everything as plain JSON values."""
    asked = [table.name for table in tables if table.sighted]
    averages = published(tables[0].run.facts["subtasks"])
    return {
        "benchmark": tables[0].run.facts["benchmark"],
        "runs": [
            {
                "name": table.name,
                "folder": str(table.run.folder),
                "facts": table.run.facts,
                "scores": {which: scores_tree(found) for which, found in table.scores.items()},
                "looked": {
                    row.name or "mean": _difference(row.looked) for row in table.rows if row.looked
                },
            }
            for table in tables
        ],
        "comparisons": [
            {
                "first": asked[0],
                "second": one.name,
                "differences": {
                    name or "mean": _difference(found) for name, found in one.differences.items()
                },
            }
            for one in comparisons(tables)
        ],
        "published": {
            "note": "published averages, measured on other videos",
            "source": "arXiv 2511.06281",
            "averages": dict(averages),
        }
        if averages
        else None,
    }


#: The columns of the CSV: a score of a run by itself, or its difference to another run's.
COLUMNS: Final = (
    *("run", "against", "shown", "subtask"),
    *("score", "low", "high", "videos", "normalised", "with_failures", "floor"),
    *("questions", "unparsable", "failed", "unpaired"),
)


def table_rows(tables: Sequence[RunTable]) -> list[dict[str, object]]:
    """A row for each run, condition or baseline, and subtask, and for each difference to the first run."""
    rows: list[dict[str, object]] = []
    for table in tables:
        for row in table.rows:
            for which, one in row.scores.items():
                name = {"run": table.name, "shown": which, "subtask": row.name or "mean"}
                rows.append(
                    {
                        **name,
                        **_measured(one.raw),
                        "normalised": one.normalised.mean if one.normalised else "",
                        "with_failures": one.with_failures.mean,
                        "floor": one.floor,
                        "questions": one.questions,
                        "unparsable": one.unparsable,
                        "failed": one.failed,
                    }
                )
    first = next((table.name for table in tables if table.sighted), "")
    for compared in comparisons(tables):
        for subtask, difference in compared.differences.items():
            name = {"run": compared.name, "against": first, "shown": "sighted"}
            rows.append(
                {
                    **name,
                    "subtask": subtask or "mean",
                    **_measured(difference.change),
                    "questions": difference.questions,
                    "unpaired": difference.unpaired,
                }
            )
    return rows


def _measured(score: Interval | None) -> dict[str, object]:
    """A mean with its interval, as cells; empty where there is none."""
    if score is None:
        return {}
    return {"score": score.mean, "low": score.low, "high": score.high, "videos": score.videos}


def _difference(difference: Difference) -> dict[str, Any]:
    tree = asdict(difference)
    if difference.change is not None:
        tree["change"] = difference.change._asdict()
    return tree
