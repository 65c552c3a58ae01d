"""Means with bootstrap intervals, alone and paired.

Questions about one video are not independent, so whole videos are drawn, not questions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_RESAMPLES: Final = 2000


class Interval(NamedTuple):
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


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
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))
