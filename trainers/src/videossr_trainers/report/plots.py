"""The curves of a run as inline SVG.

Names of tasks stay out of the pictures: they are untrusted, and may need glyphs that matplotlib's
fonts lack. The page writes them.
"""

from __future__ import annotations

import io
import math
import re
import zlib
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from videossr_trainers.report.findings import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from videossr_trainers.report.data import Run, TaskStep

# Stands for the page's own text colour, light or dark, which the SVG takes over in its place.
INK = "#010203"

# Of a lightness that shows on white and on black alike; told apart by the colour-blind too.
COLOURS = ("#3d7fc4", "#d9772b", "#2f9e77", "#a566c0", "#c2506a", "#8a8d2e", "#4aa7b5")

_OPENING = (
    r'<svg viewBox="\1" aria-hidden="true" xmlns="http://www.w3.org/2000/svg" '
    r'xmlns:xlink="http://www.w3.org/1999/xlink">'
)


def colour_of(index: int) -> str:
    """The colour of the task of this number, as #rrggbb."""
    return COLOURS[index % len(COLOURS)]


def reward_curve(run: Run, index: int) -> Markup | None:
    """Raw reward of a task over steps, its floor dashed, and the normalised scale on the right."""
    task = run.tasks[index]
    steps, rewards = _task_points(run, task, lambda metrics: metrics.reward)
    if not steps:
        return None
    figure, axes = figure_of("step", "raw reward")
    floor = run.floors[task]
    axes.set_ylim(0, 1)
    _draw(axes, steps, rewards, colour_of(index))
    axes.axhline(floor, color=INK, alpha=0.75, linewidth=1.1, linestyle=(0, (4, 3)))
    bottom = normalise(0, floor)
    if bottom is not None:
        right = axes.twinx()
        right.set_ylim(bottom, 1)
        right.set_yticks([0, 0.5, 1])
        right.set_ylabel("normalised", color=INK)
        right.tick_params(colors=INK, length=3)
        right.set_frame_on(False)
    return svg_of(figure)


def normalised_curves(run: Run) -> Markup | None:
    """Normalised reward of all tasks over steps."""
    figure, axes = figure_of("step", "normalised reward")
    drawn = False
    for index, task in enumerate(run.tasks):
        steps, rewards = _task_points(run, task, lambda metrics: metrics.reward)
        values = [normalise(reward, run.floors[task]) for reward in rewards]
        present = [value for value in values if value is not None]
        if present and len(present) == len(steps):
            _draw(axes, steps, present, colour_of(index))
            drawn = True
    axes.axhline(0, color=INK, alpha=0.75, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.set_ylim(top=1)
    return svg_of(figure) if drawn else None


def zero_variance_curves(run: Run) -> Markup | None:
    """The share of groups with zero variance, of all tasks, over steps."""
    figure, axes = figure_of("step", "share of groups")
    axes.set_ylim(-0.02, 1.02)
    drawn = False
    for index, task in enumerate(run.tasks):
        steps, shares = _task_points(run, task, lambda metrics: metrics.zero_variance)
        if steps:
            _draw(axes, steps, shares, colour_of(index))
            drawn = True
    return svg_of(figure) if drawn else None


def warm_start_curve(run: Run) -> Markup | None:
    """The loss of the warm start over its steps."""
    steps = range(1, len(run.warm_start_loss) + 1)
    return _single("warm-start step", "loss", steps, run.warm_start_loss)


def loss_curve(run: Run) -> Markup | None:
    """The loss of the training over steps."""
    steps = [metrics.step for metrics in run.steps]
    return _single("step", "loss", steps, [metrics.loss for metrics in run.steps])


def length_curve(run: Run) -> Markup | None:
    """Tokens per completion over steps."""
    steps = [metrics.step for metrics in run.steps]
    return _single("step", "tokens", steps, [metrics.mean_length for metrics in run.steps])


def kl_curve(run: Run) -> Markup | None:
    """Divergence from the reference model over steps, where it was measured."""
    points = [(metrics.step, metrics.kl) for metrics in run.steps if metrics.kl is not None]
    return _single("step", "KL", [step for step, _ in points], [kl for _, kl in points])


def smooth(values: Sequence[float]) -> list[float]:
    """The mean over a centred window of a fifteenth of the values, cut off at both ends."""
    reach = len(values) // 30
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    first, last = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    means: list[float] = ((sums[last] - sums[first]) / (last - first)).tolist()
    return means


def _task_points(
    run: Run, task: str, figure: Callable[[TaskStep], float]
) -> tuple[list[float], list[float]]:
    """Step numbers and values of the steps in which the task had questions."""
    points = [
        (float(metrics.step), figure(metrics.tasks[task]))
        for metrics in run.steps
        if task in metrics.tasks
    ]
    return _finite([step for step, _ in points], [value for _, value in points])


def _finite(steps: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    kept = [
        (step, value) for step, value in zip(steps, values, strict=True) if math.isfinite(value)
    ]
    return [step for step, _ in kept], [value for _, value in kept]


def _single(
    xlabel: str,
    ylabel: str,
    steps: Sequence[float],
    values: Sequence[float],
) -> Markup | None:
    steps, values = _finite(steps, values)
    if not steps:
        return None
    figure, axes = figure_of(xlabel, ylabel)
    _draw(axes, steps, values, COLOURS[0])
    return svg_of(figure)


def figure_of(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """An empty plot in the page's style."""
    figure = Figure(figsize=(4.4, 2.7), layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color=INK, alpha=0.4)
    axes.tick_params(colors=INK, length=3)
    axes.grid(color=INK, alpha=0.12, linewidth=0.8)
    axes.set_xlabel(xlabel, color=INK)
    axes.set_ylabel(ylabel, color=INK)
    return figure, axes


def _draw(axes: Axes, steps: Sequence[float], values: Sequence[float], colour: str) -> None:
    """The values as faint points, and a smooth line over them."""
    axes.plot(steps, values, ".", color=colour, alpha=0.3, markersize=3.5, markeredgewidth=0)
    axes.plot(steps, smooth(values), color=colour, linewidth=1.8)


def svg_of(figure: Figure) -> Markup:
    """A figure as an SVG element whose text and axes have the colour of the page's text."""
    buffer = io.StringIO()
    # The salt makes the names of its parts the same in every run; text as text is small, and takes
    # the page's font.
    with mpl.rc_context({"svg.hashsalt": "videossr", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # The page gives the size; and many pictures on it must not share the name of a part.
    svg = re.sub(r'^<svg [^>]*?viewBox="([^"]*)"[^>]*>', _OPENING, svg, count=1)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    own = f"p{zlib.crc32(svg.encode()):08x}"
    svg = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{own}-", svg)
    return Markup(svg.replace(INK, "currentColor"))  # noqa: S704 - drawn from numbers alone
