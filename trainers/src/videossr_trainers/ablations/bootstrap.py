"""Means over seeds and questions, with intervals that know of both.

Runs with several seeds answer the same questions, and questions about one video are not independent. So
a draw takes seeds first, and then videos with all of their questions, the same for every seed drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from videossr.intervals import Interval, of_draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_RESAMPLES: Final = 2000

#: Draws that are worked on at a time.
_AT_ONCE: Final = 250


class Estimate(NamedTuple):
    """Means with 95 % percentile bootstrap intervals.

    Attributes:
        groups: in their order; None where a group has no answer.
        mean: of the groups, each counting alike; None where one has no answer.
    """

    groups: tuple[Interval | None, ...]
    mean: Interval | None


def estimate(
    values: NDArray[np.float64], videos: Sequence[int], groups: Sequence[int], *, seed: int = 0
) -> Estimate:
    """The mean of each group of questions, and of the groups, resampled by seed and by video.

    With one seed the interval is over videos alone.

    Args:
        values: [seeds, questions]; NaN where there is none. For a paired comparison, differences.
        videos: of each question, as numbers from 0.
        groups: likewise.
    """
    seeds = len(values)
    shape = (seeds, max(videos) + 1, max(groups) + 1)
    sums, counts = np.zeros(shape), np.zeros(shape)
    known = np.isfinite(values)
    for number in range(seeds):
        np.add.at(sums[number], (videos, groups), np.where(known[number], values[number], 0))
        np.add.at(counts[number], (videos, groups), known[number])
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([_draws(sums, counts, rng) for _ in range(_RESAMPLES // _AT_ONCE)])
    means = _ratio(sums.sum((0, 1)), counts.sum((0, 1)))
    there = counts.sum(0) > 0
    found = tuple(
        _interval(float(mean), drawn[:, i], int(there[:, i].sum())) for i, mean in enumerate(means)
    )
    over_all = _interval(float(means.mean()), drawn.mean(1), int(there.any(1).sum()))
    return Estimate(found, over_all)


def _draws(
    sums: NDArray[np.float64], counts: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The groups' means in some draws, [draws, groups]; NaN where a draw has no question of one."""
    seeds, videos, _ = sums.shape
    of_seeds = _often(rng, seeds)
    of_videos = _often(rng, videos)
    parts = [
        np.einsum("dvg,dv->dg", np.tensordot(of_seeds, some, axes=1), of_videos)
        for some in (sums, counts)
    ]
    return _ratio(*parts)


def _often(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """How often each of some things is drawn, [draws, things]."""
    drawn = rng.integers(count, size=(_AT_ONCE, count))
    return np.stack([np.bincount(row, minlength=count) for row in drawn]).astype(np.float64)


def _ratio(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _interval(mean: float, drawn: NDArray[np.float64], videos: int) -> Interval | None:
    return of_draws(mean, drawn[np.isfinite(drawn)], videos) if np.isfinite(mean) else None
