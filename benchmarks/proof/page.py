"""What the results of the proof say: as a page, whose every figure comes from them, and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import rc_context
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

#: In the order in which they are shown, the mean of them last.
TASKS: Final = ("anomaly", "counting", "jigsaw")
MEAN: Final = "mean"

#: Rows of the picture: the run, which of its exams, and what it is called.
_ROWS: Final = (
    ("base", "before", "warm start"),
    ("base", "after", "then GRPO"),
    ("longer", "after", "then GRPO, more steps"),
    ("strict_reward", "after", "then GRPO, strict reward"),
    ("adaptive", "after", "then GRPO, adaptive difficulty"),
    ("weak", "before", "short warm start"),
    ("weak", "after", "then GRPO"),
    ("weak_strict", "after", "then GRPO, strict reward"),
)
#: Of a task whose name says too little in a picture.
_TITLES: Final = {"jigsaw": "jigsaw, wandering light"}

_INK: Final = "#7f7f7f"
_COLOURS: Final = {"before": "#7f7f7f", "after": "#3d7fc4"}


class Figures(NamedTuple):
    """A mean and the ends of its interval, as shares; the ends are None where there is no interval."""

    mean: float
    low: float | None
    high: float | None

    def above(self) -> bool:
        """Whether the interval lies above zero."""
        return self.low is not None and self.low > 0

    def below(self) -> bool:
        """Whether the interval lies below zero."""
        return self.high is not None and self.high < 0

    def __str__(self) -> str:
        return self.shown("")

    def signed(self) -> str:
        """As a difference."""
        return self.shown("+")

    def shown(self, sign: str) -> str:
        """In percent, with the interval in brackets."""
        mean = _percent(self.mean, sign)
        if self.low is None or self.high is None:
            return mean
        return f"{mean} [{_percent(self.low, sign)}, {_percent(self.high, sign)}]"


class Results:
    """The results, by run, figure and task."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.tree = tree
        self._runs = {one["name"]: one for one in tree["ablations"]}

    def figure(self, run: str, name: str, task: str = MEAN) -> Figures:
        """One with its interval; of zero variance the range over seeds."""
        found = self._runs[run]["figures"][name][task]
        return Figures(found["mean"], found["low"], found["high"])

    def cost(self, run: str, name: str) -> float:
        """What a run took, as the mean over seeds."""
        return float(self._runs[run]["cost"][name])

    def row(self, run: str, name: str) -> str:
        """The cells of a table: each task, and the mean; a dash where there is none."""
        by_task = self._runs[run]["figures"].get(name, {})
        cells = []
        for task in (*TASKS, MEAN):
            one = self.figure(run, name, task) if by_task.get(task) else None
            plain = name in {"before", "after", "zero_variance"}
            cells.append("-" if one is None else str(one) if plain else one.signed())
        return " | ".join(cells)


def verdict(one: Figures, above: str, below: str, neither: str) -> str:
    """What to say, by where the interval lies."""
    if one.above():
        return above
    return below if one.below() else neither


def listed(words: list[str]) -> str:
    """Words as a list in a sentence; `none` of none."""
    if not words:
        return "none"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def page(tree: Mapping[str, Any]) -> str:
    """The page, as Markdown."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown, of figures and our own words
    )
    found = Results(tree)

    def steps(run: str) -> str:
        return f"{found.cost(run, 'steps'):.0f} steps"

    template = environment.get_template("page.md.jinja")
    return template.render(
        found=found, tree=tree, tasks=TASKS, verdict=verdict, listed=listed, steps=steps
    )


def picture(tree: Mapping[str, Any], path: Path) -> None:
    """Held-out reward of each task with its interval, run by run, as an SVG."""
    found = Results(tree)
    with rc_context({"svg.hashsalt": "proof", "font.size": 9}):
        figure = Figure(figsize=(9, 3), layout="constrained")
        panels = figure.subplots(1, len(TASKS), sharey=True, sharex=True)
        for axes, task in zip(panels, TASKS, strict=True):
            axes.axvline(0, color=_INK, linewidth=0.8)
            for height, (run, name, _) in enumerate(_ROWS):
                one = found.figure(run, name, task)
                colour = _COLOURS[name]
                if one.low is not None and one.high is not None:
                    axes.plot([100 * one.low, 100 * one.high], [height] * 2, color=colour)
                axes.plot(100 * one.mean, height, "o", color=colour, markersize=5)
            axes.set_title(_TITLES.get(task, task))
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].set_yticks(range(len(_ROWS)), [said for _, _, said in _ROWS])
        panels[0].invert_yaxis()
        figure.supxlabel("held-out reward: 0 at the blind floor, 100 for every answer right")
        figure.savefig(path, metadata={"Date": None})


def _percent(share: float, sign: str) -> str:
    rounded = round(100 * share, 1) or 0.0  # never a negative nought
    return f"{rounded:{sign}.1f}".replace("-", "\N{MINUS SIGN}")
