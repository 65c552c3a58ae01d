"""How the rewards of a subtask are spread, as an inline picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from videossr_trainers.report.plots import INK, figure_of, svg_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup


def histogram(own: Sequence[float], control: Sequence[float], floor: float, colour: str) -> Markup:
    """Rewards times 100 as bars, those of the control as a line of steps, the floor dashed.

    Args:
        own: with the right video, in [0, 1].
        control: with the wrong one; may be empty.
        floor: times 100.
        colour: of the bars, as #rrggbb.
    """
    figure, axes = figure_of("score of a question", "share of questions")
    edges = np.linspace(0, 100, 11)

    def share(values: Sequence[float]) -> np.ndarray:
        counted, _ = np.histogram(100 * np.asarray(values), edges)
        return counted / max(len(values), 1)

    axes.bar(edges[:-1], share(own), width=9.2, align="edge", color=colour, alpha=0.85)
    if control:
        axes.stairs(share(control), edges, color=INK, alpha=0.7, linewidth=1.3)
    axes.axvline(floor, color=INK, alpha=0.75, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 1)
    return svg_of(figure)
