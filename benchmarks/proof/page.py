"""What the results of the proof say: as a page, whose every figure comes from them, and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import rc_context
from matplotlib.figure import Figure

from videossr.intervals import Interval

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


class Results:
    """The results, by run, figure and task."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.tree = tree
        self._runs = {one["name"]: one for one in tree["ablations"]}

    def figure(self, run: str, name: str, task: str = MEAN) -> Interval:
        """One with its interval."""
        return Interval(**self._runs[run]["figures"][name][task])

    def zero_variance(self, run: str) -> float:
        """The share of groups that teach nothing, as the mean over tasks and seeds."""
        return float(self._runs[run]["figures"]["zero_variance"][MEAN]["mean"])

    def those(self, run: str, name: str) -> list[str]:
        """The tasks whose figure is shown to be higher than 0."""
        return [task for task in TASKS if self.figure(run, name, task).verdict == "higher"]

    def cost(self, run: str, name: str) -> float:
        """What a run took, as the mean over seeds."""
        return float(self._runs[run]["cost"][name])

    def row(self, run: str, name: str) -> str:
        """The cells of a table: each task, and the mean; a dash where there is none."""
        by_task = self._runs[run]["figures"].get(name, {})
        sign = "" if name in {"before", "after", "zero_variance"} else "+"
        found = (by_task.get(task) for task in (*TASKS, MEAN))
        return " | ".join(
            _in_percent(one["mean"], one["low"], one["high"], sign) if one else "-" for one in found
        )


def plain(one: Interval) -> str:
    """In percent, with the interval in brackets."""
    return _in_percent(one.mean, one.low, one.high, "")


def signed(one: Interval) -> str:
    """As a difference."""
    return _in_percent(one.mean, one.low, one.high, "+")


def said(one: Interval, higher: str, lower: str, neither: str) -> str:
    """What to say, by what the interval shows."""
    return {"higher": higher, "lower": lower}.get(one.verdict, neither)


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
    environment.filters |= {"plain": plain, "signed": signed, "percent": _percent}
    found = Results(tree)

    def steps(run: str) -> str:
        return f"{found.cost(run, 'steps'):.0f} steps"

    # The exam of all runs, and that of jigsaws in their own light.
    exams = {
        "questions": [one.split(",")[0] for one in tree["facts"]["held-out questions"].split("; ")],
        "floors": tree["facts"]["blind floors"].split("; "),
    }
    template = environment.get_template("page.md.jinja")
    return template.render(
        found=found, tree=tree, exams=exams, tasks=TASKS, said=said, listed=listed, steps=steps
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
                if one.ends:
                    axes.plot([100 * end for end in one.ends], [height] * 2, color=colour)
                axes.plot(100 * one.mean, height, "o", color=colour, markersize=5)
            axes.set_title(_TITLES.get(task, task))
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].set_yticks(range(len(_ROWS)), [called for _, _, called in _ROWS])
        panels[0].invert_yaxis()
        figure.supxlabel("held-out reward: 0 at the blind floor, 100 for every answer right")
        figure.savefig(path, metadata={"Date": None})


def _in_percent(mean: float, low: float | None, high: float | None, sign: str) -> str:
    shown = _percent(mean, sign)
    return (
        shown
        if low is None or high is None
        else f"{shown} [{_percent(low, sign)}, {_percent(high, sign)}]"
    )


def _percent(share: float, sign: str = "") -> str:
    rounded = round(100 * share, 1) or 0.0  # never a negative nought
    return f"{rounded:{sign}.1f}".replace("-", "\N{MINUS SIGN}")
