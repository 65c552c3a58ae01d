"""Learning curves of an ablation: the mean over seeds, and the range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from videossr_trainers.report.plots import colour_of, figure_of, smooth, svg_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup


def learning_curves(
    curves: Mapping[str, Sequence[Sequence[tuple[float, float]]]], colours: Mapping[str, int]
) -> Markup:
    """Normalised reward over steps, a line for each task, the range over seeds shaded.

    Args:
        curves: by task, for each seed its steps and values.
        colours: the number of each task's colour.
    """
    figure, axes = figure_of("step", "normalised reward")
    for task, runs in curves.items():
        values: dict[float, list[float]] = {}
        for run in runs:
            steps = [step for step, _ in run]
            for step, value in zip(steps, smooth([value for _, value in run]), strict=True):
                values.setdefault(step, []).append(value)
        steps = sorted(values)
        mean = [float(np.mean(values[step])) for step in steps]
        colour = colour_of(colours[task])
        axes.plot(steps, mean, color=colour, linewidth=1.8)
        low, high = ([end(values[step]) for step in steps] for end in (min, max))
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    return svg_of(figure)
