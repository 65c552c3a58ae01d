"""Which frames of a video to look at. Nothing here reads a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: A frame counts as on screen this many seconds before its time, so that a target that went through
#: floating point arithmetic still finds the frame it was computed from.
EPSILON: Final = 1e-6


def target_times(start: float, stop: float, count: int) -> list[float]:
    """`count` times evenly from `start` to `stop`, both included exactly, in seconds.

    Raises:
        ValueError: no time asked for, a time that is not finite, or a stop before the start.
    """
    if count < 1:
        raise ValueError(f"count: {count}; must be at least 1")
    if not (np.isfinite(start) and np.isfinite(stop)):
        raise ValueError(f"start {start} and stop {stop}: must be finite seconds")
    if stop < start:
        raise ValueError(f"stop: {stop}; must not be before start = {start}")
    return [float(time) for time in np.linspace(start, stop, count)]


def frames_on_screen(times: NDArray[np.float64], targets: Sequence[float]) -> NDArray[np.int64]:
    """The frames that a player shows at the targets, each at most once.

    On screen is the last frame whose time is not after the target; before the first frame it is the
    first, after the last frame the last.

    Args:
        times: float64 [F], the time of each frame in seconds, strictly increasing.
        targets: seconds, in any order.

    Returns:
        int64 [at most len(targets)], frame numbers, strictly increasing.

    Raises:
        ValueError: no frames, no targets, or a target that is not finite.
    """
    wanted = np.asarray(targets, dtype=np.float64)
    if not len(times):
        raise ValueError("times: empty; a video has at least one frame")
    if not len(wanted):
        raise ValueError("targets: empty; ask for at least one time")
    if not np.isfinite(wanted).all():
        raise ValueError(f"targets: {list(targets)}; must be finite seconds")
    shown = np.searchsorted(times, wanted + EPSILON, side="right") - 1
    return np.unique(np.maximum(shown, 0)).astype(np.int64)
