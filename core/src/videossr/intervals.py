"""Means with bootstrap intervals, alone and paired.

Questions about one video are not independent, so whole videos are drawn, not questions. A single video
can only be drawn as it is, which says nothing of others: then there is a mean and no interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_RESAMPLES: Final = 2000

#: What stands in the place of an interval where there can be none.
TOO_FEW: Final = "too few videos"

#: Videos that an interval needs.
_FEWEST: Final = 2


class Interval(NamedTuple):
    """A mean and the ends of its 95 % interval.

    Attributes:
        mean: of all values.
        low, high: the ends; both None where fewer than two videos were there to draw from.
        videos: different ones that the values are about.
    """

    mean: float
    low: float | None
    high: float | None
    videos: int

    @property
    def ends(self) -> tuple[float, float] | None:
        """Low and high; None where there are too few videos."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def above(self, value: float) -> bool:
        """Whether the mean is shown to be greater; never with too few videos."""
        return self.low is not None and self.low > value

    def below(self, value: float) -> bool:
        """Whether the mean is shown to be less; never with too few videos."""
        return self.high is not None and self.high < value

    def through(self, change: Callable[[float], float]) -> Interval:
        """The interval on another scale; `change` must rise, and the mean follow it."""
        low, high = map(change, self.ends) if self.ends else (None, None)
        return Interval(change(self.mean), low, high, self.videos)


def interval(values: Sequence[float], videos: Sequence[str], *, seed: int = 0) -> Interval:
    """Mean of values and its 95 % percentile bootstrap interval, resampled by video.

    For a paired comparison give it differences.

    Args:
        values: one for each question, at least one.
        videos: of each question, as many.
    """
    groups: dict[str, list[float]] = {}
    for value, video in zip(values, videos, strict=True):
        groups.setdefault(video, []).append(value)
    sums = np.array([sum(group) for group in groups.values()])
    counts = np.array([len(group) for group in groups.values()])
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(sums), size=(_RESAMPLES, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return of_draws(float(sums.sum() / counts.sum()), means, len(groups))


def of_draws(mean: float, draws: NDArray[np.floating], videos: int) -> Interval:
    """A mean with the interval of its draws, and without one where they were made of too few videos."""
    if videos < _FEWEST:
        return Interval(mean, None, None, videos)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(mean, float(low), float(high), videos)
