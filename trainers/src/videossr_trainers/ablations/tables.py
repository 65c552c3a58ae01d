"""The tables of the report: figures by task, cost, learning curves; for the terminal and as Markdown."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Final, NamedTuple

from videossr.intervals import TOO_FEW
from videossr.markdown import plain
from videossr_trainers.ablations.curves import band
from videossr_trainers.ablations.findings import FIGURES, MEAN
from videossr_trainers.pages import ends, score, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr_trainers.ablations.findings import Finding

#: What the figures are called at the heads of columns.
HEADS: Final = {
    "before": "before",
    "after": "after",
    "gain": "gain",
    "over_blind": "over blind",
    "over_wrong_video": "over wrong video",
    "difference": "difference",
    "zero_variance": "zero variance",
}

#: What of a run's cost is called at the heads of columns.
COSTS: Final = ("steps", "questions", "tokens", "seconds of GRPO", "minutes in all")

#: Figures that may be negative for a good reason, and are shown with their sign.
_SIGNED: Final = frozenset({"gain", "over_blind", "over_wrong_video", "difference"})


class Table(NamedTuple):
    """A table of texts.

    Attributes:
        title: of it.
        head: of the columns; the first one's is empty.
        rows: each as long as the head.
        names: how many columns, from the first, hold names and not figures.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


def asked(findings: Sequence[Finding]) -> list[str]:
    """The tasks that the exams ask about."""
    return list(dict.fromkeys(task for one in findings for task in one.tasks))


def figures(findings: Sequence[Finding], task: str) -> Table:
    """All figures of a task, or of the tasks' mean."""
    return Table(
        "Mean of the tasks" if task == MEAN else task,
        ["", "seeds", *HEADS.values()],
        [
            [named(one), seeds(one), *(cell(one, name, task) for name in FIGURES)]
            for one in findings
            if task == MEAN or task in one.tasks
        ],
    )


def costs(findings: Sequence[Finding]) -> Table:
    """What a run of each took, as the mean over its seeds."""
    rows = [[one.series.label, seeds(one), *cost(one)] for one in findings]
    return Table("Cost of a run", ["", "seeds", *COSTS], rows)


def curves(findings: Sequence[Finding]) -> Table:
    """Learning curves as their first, middle and last values, each the mean over seeds and near steps."""
    rows = []
    for one in findings:
        for task, runs in one.curves.items():
            found = band(runs)
            last = len(found.steps) - 1
            values = [
                f"{score(found.mean[at])} (step {found.steps[at]:g})" for at in (0, last // 2, last)
            ]
            rows.append([one.series.label, task, *values])
    return Table("Learning curves", ["", "task", "first", "middle", "last"], rows, names=2)


def named(one: Finding) -> str:
    """What a row is called, with what it is compared with."""
    against = one.pairing.against
    return f"{one.series.label} (against {against})" if against else one.series.label


def seeds(one: Finding) -> str:
    """Those that were run."""
    return ", ".join(map(str, one.series.seeds))


def cost(one: Finding) -> list[str]:
    """What a run took, in the order of `COSTS`."""
    return [f"{figure:,.0f}" for figure in astuple(one.cost)]


def cell(one: Finding, name: str, task: str) -> str:
    """A figure in percent with its interval, as text; a dash where there is none."""
    if name == "zero_variance":
        spread = one.zero_variance.get(task)
        if spread is None:
            return "-"
        over = f" [{score(spread.least)}, {score(spread.greatest)}]" if spread.seeds > 1 else ""
        return f"{score(spread.mean)}{over}"
    found = one.figures.get(name, {}).get(task)
    if found is None:
        return "-"
    sign = name in _SIGNED
    mean = signed(100 * found.mean, 1) if sign else score(found.mean)
    return f"{mean} {ends(found, sign=sign) if found.ends else f'({TOO_FEW})'}"


def as_text(table: Table) -> str:
    """A table for the terminal."""
    rows = [table.head, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.head))]
    return "\n".join(
        "  ".join(
            one.ljust(width) if i < table.names else one.rjust(width)
            for i, (one, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_markdown(table: Table) -> str:
    """A table with its title, as Markdown."""
    rows = [[*map(plain, row[: table.names]), *row[table.names :]] for row in table.rows]
    lines = [table.head, ["---"] * len(table.head), *rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## {plain(table.title)}\n\n{body}"
