"""Learning curves of an ablation: the mean over seeds, and the range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from videossr_trainers.report.plots import colour_of, figure_of, smooth, svg_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    #: Of each seed the steps and what was measured in them.
    Runs = Sequence[Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Band:
    """A curve over steps: its mean over seeds, smoothed, and the least and the greatest of them."""

    steps: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def band(runs: Runs) -> Band:
    """The band of some runs; steps that only some of them have count as far as they have them."""
    values: dict[float, list[float]] = {}
    for run in runs:
        smoothed = smooth([value for _, value in run])
        for (step, _), value in zip(run, smoothed, strict=True):
            values.setdefault(step, []).append(value)
    steps = sorted(values)
    mean = [float(np.mean(values[step])) for step in steps]
    return Band(steps, mean, [min(values[s]) for s in steps], [max(values[s]) for s in steps])


def learning_curves(
    ablations: Mapping[str, Mapping[str, Runs]], tasks: Sequence[str]
) -> list[tuple[str, Markup]]:
    """A picture for each ablation, all of one height: normalised reward over steps, by task.

    Args:
        ablations: by name, and then by task; those without any are left out.
        tasks: in the order of their colours.
    """
    bands = {
        name: {task: band(runs) for task, runs in curves.items()}
        for name, curves in ablations.items()
        if curves
    }
    every = [one for curves in bands.values() for one in curves.values()]
    least = min((value for one in every for value in one.low), default=0.0)
    most = max((value for one in every for value in one.high), default=1.0)
    margin = max(0.02, 0.05 * (most - least))
    return [
        (name, _picture(curves, tasks, (least - margin, most + margin)))
        for name, curves in bands.items()
    ]


def _picture(
    curves: Mapping[str, Band], tasks: Sequence[str], limits: tuple[float, float]
) -> Markup:
    figure, axes = figure_of("step", "normalised reward")
    axes.set_ylim(*limits)
    for task, one in curves.items():
        colour = colour_of(tasks.index(task))
        axes.plot(one.steps, one.mean, color=colour, linewidth=1.8)
        axes.fill_between(one.steps, one.low, one.high, color=colour, alpha=0.2, linewidth=0)
    return svg_of(figure)
