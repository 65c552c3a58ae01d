"""The report of a folder of runs: in the terminal, as Markdown, HTML, JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.intervals import TOO_FEW
from videossr_trainers.ablations.curves import learning_curves
from videossr_trainers.ablations.findings import FIGURES, MEAN, findings_of
from videossr_trainers.ablations.results import read_results
from videossr_trainers.pages import (
    claim_page,
    signed,
    write_json,
    write_page,
    write_table,
    write_whole,
)
from videossr_trainers.report.plots import colour_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videossr_trainers.ablations.findings import Figure, Finding
    from videossr_trainers.ablations.results import Result

#: Figures that may be negative for a good reason, and are shown with their sign.
_SIGNED: Final = frozenset({"gain", "over_blind", "over_wrong_video", "difference"})

_HEADS: Final = {
    "before": "before",
    "after": "after",
    "gain": "gain",
    "over_blind": "over blind",
    "over_wrong_video": "over wrong video",
    "difference": "against",
    "zero_variance": "zero variance",
}


class Report:
    """What came of the runs in a folder.

    Args:
        folder: of the runs of a scale.

    Raises:
        DatasetError: none is done, or one is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results, self.unfinished = read_results(folder)
        self.findings = findings_of(self.results)

    @property
    def notes(self) -> list[str]:
        """How the figures came about, and what is missing."""
        seeds = {len(one.seeds) for one in self.findings}
        notes = [
            (
                "Rewards are normalised, in percent: 0 is the blind floor, what the best answer earns that "
                "never sees the picture, and 100 a right answer to every question. The mean is that of the "
                "tasks, each counting alike."
            ),
            (
                "Intervals are 95 % bootstrap intervals that draw seeds, and then videos with all of their "
                "questions. A few seeds say little of how seeds differ, so these intervals are rather too "
                "narrow. That of zero variance is the range over seeds."
            ),
        ]
        if 1 in seeds:
            alone = ", ".join(one.name for one in self.findings if len(one.seeds) == 1)
            notes.append(f"One seed alone, so that the interval is over videos only: {alone}.")
        for one in self.findings:
            against = self.results[one.name][0].against
            if against and not one.against:
                notes.append(
                    f"{one.name} is to be compared with {against}, which has no run of its seeds here."
                )
            elif len(one.paired) not in {0, len(one.seeds)}:
                common = ", ".join(map(str, one.paired))
                notes.append(f"{one.name} is compared with {one.against} on seeds {common}.")
        notes += self._other_plugins()
        if self.unfinished:
            notes.append(f"Not done: {'; '.join(self.unfinished)}.")
        return notes

    def write(self, path: Path) -> list[Path]:
        """Write the page, and files of the same name beside it: Markdown, JSON, CSV.

        Raises:
            ConfigError: something else has one of these names.
        """
        as_json, as_csv = claim_page(path)
        as_markdown = path.with_suffix(".md")
        if as_markdown == path or (as_markdown.exists() and not path.exists()):
            right = "choose another name for the page, or remove this file"
            own = as_markdown == path
            problem = (
                "is the name of a file beside the page"
                if own
                else "exists already, and is no report"
            )
            raise ConfigError(Mistake(str(as_markdown), problem, right))
        tasks = list(dict.fromkeys(task for one in self.findings for task in self._tasks(one)))
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
            heads=_HEADS,
            figures=FIGURES,
            tasks=[MEAN, *tasks],
            cell=cell,
            colours={task: colour_of(number) for number, task in enumerate(drawn)},
            curves=learning_curves({one.name: one.curves for one in self.findings}, drawn),
            notes=self.notes,
            facts={_HEADS[name]: means for name, means in FIGURES.items()} | self._facts(),
        )
        write_whole(as_markdown, self.markdown())
        write_json(as_json, self.tree())
        write_table(as_csv, _COLUMNS, self._rows())
        return [path, as_markdown, as_json, as_csv]

    def tree(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "folder": self.folder.name,
            "facts": self._facts(),
            "notes": self.notes,
            "ablations": [
                {
                    "name": one.name,
                    "against": one.against,
                    "seeds": one.seeds,
                    "paired_seeds": one.paired,
                    "figures": {
                        name: {task: _ends(found) for task, found in by_task.items()}
                        for name, by_task in one.figures.items()
                    },
                    "curves": one.curves,
                    "cost": asdict(one.cost),
                    "runs": [run.facts for run in self.results[one.name]],
                }
                for one in self.findings
            ],
        }

    def text(self) -> str:
        """The means over the tasks as a table for the terminal, with the notes."""
        rows = [["", *_HEADS.values()], *self._cells(MEAN)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(
                one.ljust(width) if i == 0 else one.rjust(width)
                for i, (one, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, "", *self.notes])

    def markdown(self) -> str:
        """All tables and notes as Markdown."""
        tasks = [MEAN, *dict.fromkeys(t for one in self.findings for t in self._tasks(one))]
        parts = [f"# Ablations: {_plain(self.folder.name)}"]
        for task in tasks:
            title = "Mean of the tasks" if task == MEAN else _plain(task)
            parts.append(f"## {title}\n\n{_table(['', *_HEADS.values()], self._cells(task))}")
        costs = [
            [one.name, *(f"{figure:,.0f}" for figure in asdict(one.cost).values())]
            for one in self.findings
        ]
        head = ["", "steps", "questions", "tokens", "seconds of GRPO", "minutes in all"]
        parts.append(f"## Cost of a run\n\n{_table(head, costs)}")
        parts.append("\n".join(f"* {_HEADS[name]}: {means}" for name, means in FIGURES.items()))
        parts += [_plain(note) for note in self.notes]
        parts.append("\n".join(f"* {name}: {_plain(said)}" for name, said in self._facts().items()))
        return "\n\n".join(parts) + "\n"

    def _cells(self, task: str) -> list[list[str]]:
        return [
            [one.name, *(cell(one, name, task) for name in FIGURES)]
            for one in self.findings
            if task == MEAN or task in self._tasks(one)
        ]

    def _tasks(self, one: Finding) -> list[str]:
        return [task for task in one.figures["after"] if task != MEAN]

    def _rows(self) -> list[dict[str, object]]:
        return [
            {
                "ablation": one.name,
                "against": one.against,
                "seeds": len(one.seeds),
                "task": task,
                "figure": name,
                **(found._asdict() if found else {}),
            }
            for one in self.findings
            for name, by_task in one.figures.items()
            for task, found in by_task.items()
        ]

    def _runs(self) -> list[Result]:
        return [run for some in self.results.values() for run in some]

    def _other_plugins(self) -> list[str]:
        """Plugins that were not of one version in all runs."""
        versions: dict[str, set[str]] = {}
        for run in self._runs():
            for name, facts in run.facts["plugins"].items():
                versions.setdefault(name, set()).add(facts["plugin_version"])
        return [
            f"The plugin {name} was of several versions in these runs: {', '.join(sorted(found))}."
            for name, found in sorted(versions.items())
            if len(found) > 1
        ]

    def _facts(self) -> dict[str, str]:
        runs = self._runs()
        exam = runs[0].exam
        plugins = {
            name: facts["plugin_version"]
            for run in runs
            for name, facts in run.facts["plugins"].items()
        }
        return {
            "scale": ", ".join(sorted({run.facts["scale"] for run in runs})),
            "seeds": ", ".join(map(str, sorted({run.seed for run in runs}))),
            "held-out questions": f"{len(exam.keys)} about {len(set(exam.video))} videos, "
            f"digest {exam.digest}",
            "blind floors": ", ".join(
                f"{task} {floor:.3f}" for task, floor in zip(exam.tasks, exam.floors, strict=True)
            ),
            "versions": ", ".join(f"{n} {v}" for n, v in runs[0].facts["versions"].items()),
            "plugins": ", ".join(f"{name} {own}" for name, own in sorted(plugins.items())),
            "reported by": f"videossr-trainers {version('videossr-trainers')}",
        }


_COLUMNS: Final = ("ablation", "against", "seeds", "task", "figure", "mean", "low", "high")


def cell(one: Finding, name: str, task: str) -> str:
    """A figure in percent with its interval, as text; a dash where there is none."""
    found = one.figures.get(name, {}).get(task)
    if found is None:
        return "-"
    mean = _score(found.mean, name)
    if found.low is None or found.high is None:
        return mean if name == "zero_variance" else f"{mean} ({TOO_FEW})"
    return f"{mean} [{_score(found.low, name)}, {_score(found.high, name)}]"


def _score(value: float, name: str) -> str:
    percent = 100 * value
    if name in _SIGNED:
        return signed(percent, 1)
    return f"{percent:.1f}".replace("-", "\N{MINUS SIGN}")


def _ends(found: Figure | None) -> Mapping[str, float | None] | None:
    return found._asdict() if found else None


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_plain(row[0]), *row[1:]] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """A text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>#|" else letter for letter in text)
