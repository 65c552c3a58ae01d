"""The report of a folder of runs: in the terminal, as Markdown, HTML, JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.markdown import plain
from videossr_trainers.ablations.curves import learning_curves
from videossr_trainers.ablations.findings import FIGURES, MEAN, findings_of
from videossr_trainers.ablations.notes import facts_of, notes_of
from videossr_trainers.ablations.results import read_results
from videossr_trainers.ablations.tables import (
    COSTS,
    HEADS,
    as_markdown,
    as_text,
    asked,
    cell,
    cost,
    costs,
    curves,
    figures,
    seeds,
)
from videossr_trainers.modifiers import modifiers_in_words
from videossr_trainers.pages import claim_page, write_json, write_page, write_table, write_whole
from videossr_trainers.report.plots import colour_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videossr_trainers.ablations.findings import Finding, Range

_COLUMNS: Final = ("ablation", "against", "seeds", "task", "figure", "mean", "low", "high")


class Report:
    """What came of the runs in a folder.

    Args:
        folder: of the runs of a scale.

    Raises:
        DatasetError: none is done that can be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        results = read_results(folder)
        self.findings = findings_of(results.done)
        self.notes = notes_of(self.findings, results)

    def write(self, path: Path) -> list[Path]:
        """Write the page, and files of the same name beside it: Markdown, JSON, CSV.

        Raises:
            ConfigError: something else has one of these names.
        """
        as_json, as_csv = claim_page(path)
        as_md = _claim_markdown(path)
        tasks = asked(self.findings)
        # A task may be trained on that is not asked about in the exam.
        drawn = list(
            dict.fromkeys([*tasks, *(task for one in self.findings for task in one.curves)])
        )
        write_page(
            path,
            "videossr_trainers.ablations",
            "ablations.html.jinja",
            title=self.folder.name,
            findings=self.findings,
            heads=HEADS,
            figures=FIGURES,
            costs=COSTS,
            tasks=[MEAN, *tasks],
            cell=cell,
            cost=cost,
            seeds=seeds,
            colours={task: colour_of(number) for number, task in enumerate(drawn)},
            curves=learning_curves({_drawn(one): one.curves for one in self.findings}, drawn),
            notes=self.notes,
            facts={HEADS[name]: means for name, means in FIGURES.items()} | facts_of(self.findings),
        )
        write_whole(as_md, self.markdown())
        write_json(as_json, self.tree())
        write_table(as_csv, _COLUMNS, self._rows())
        return [path, as_md, as_json, as_csv]

    def tree(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "folder": self.folder.name,
            "facts": facts_of(self.findings),
            "notes": self.notes,
            "ablations": [
                {
                    "name": one.series.name,
                    "label": one.series.label,
                    "against": one.pairing.against,
                    "seeds": one.series.seeds,
                    "paired_seeds": [run.seed for run, _ in one.pairing.pairs],
                    "exam": one.series.exam.digest,
                    "figures": _figures(one),
                    "curves": one.curves,
                    "cost": asdict(one.cost),
                    "runs": [run.facts for run in one.series.runs],
                }
                for one in self.findings
            ],
        }

    def text(self) -> str:
        """The means over the tasks, the curves and the cost as tables for the terminal, with the notes."""
        tables = (figures(self.findings, MEAN), curves(self.findings), costs(self.findings))
        return "\n\n".join([*map(as_text, tables), "\n".join(self.notes)])

    def markdown(self) -> str:
        """All tables and notes as Markdown."""
        tables = [figures(self.findings, task) for task in (MEAN, *asked(self.findings))]
        parts = [f"# Ablations: {plain(self.folder.name)}"]
        parts += map(as_markdown, [*tables, curves(self.findings), costs(self.findings)])
        parts.append("\n".join(f"* {HEADS[name]}: {means}" for name, means in FIGURES.items()))
        parts += map(plain, self.notes)
        facts = facts_of(self.findings)
        parts.append("\n".join(f"* {name}: {plain(said)}" for name, said in facts.items()))
        return "\n\n".join(parts) + "\n"

    def _rows(self) -> Iterator[dict[str, object]]:
        for one in self.findings:
            for name, by_task in _figures(one).items():
                for task, found in by_task.items():
                    ends = {key: found[key] for key in ("mean", "low", "high")} if found else {}
                    yield {
                        "ablation": one.series.label,
                        "against": one.pairing.against,
                        "seeds": len(one.series.runs),
                        "task": task,
                        "figure": name,
                        **ends,
                    }


def _claim_markdown(path: Path) -> Path:
    """The Markdown file beside a page.

    Raises:
        ConfigError: that is the page's own name, or something else has it.
    """
    beside = path.with_suffix(".md")
    if beside == path:
        problem = "is the name of a file beside the page"
    elif beside.exists() and not path.exists():
        problem = "exists already, and is no report"
    else:
        return beside
    right = "choose another name for the page, or remove this file"
    raise ConfigError(Mistake(str(beside), problem, right))


def _drawn(one: Finding) -> str:
    """What stands below a picture of learning curves."""
    under = ", ".join(modifiers_in_words(one.series.config))
    return f"{one.series.label}, trained under {under}" if under else one.series.label


def _figures(one: Finding) -> dict[str, dict[str, Any]]:
    """Every figure by name and task; the ends of that of zero variance are those of its range."""
    found = {
        name: {task: ends._asdict() if ends else None for task, ends in by_task.items()}
        for name, by_task in one.figures.items()
    }
    found["zero_variance"] = {
        task: _range(spread) if spread else None for task, spread in one.zero_variance.items()
    }
    return found


def _range(spread: Range) -> dict[str, float | None]:
    least, greatest = (spread.least, spread.greatest) if spread.seeds > 1 else (None, None)
    return {"mean": spread.mean, "low": least, "high": greatest}
