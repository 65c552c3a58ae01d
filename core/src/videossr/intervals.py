"""Means with bootstrap intervals, alone and paired, of one run or of several seeds.

Questions about one video are not independent, so whole videos are drawn, not questions. A single video
can only be drawn as it is, which says nothing of others: then there is a mean and no interval. A few give
one by which nothing is shown. Seeds that answered the same questions are drawn first, and then videos, the
same for every seed drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

_RESAMPLES: Final = 2000

#: Draws that are worked on at a time, so that a benchmark of any size takes little memory.
_AT_ONCE: Final = 250

#: What stands in the place of an interval where there can be none, or of what too few videos show.
TOO_FEW: Final = "too few videos"

#: What the interval of a difference shows of it.
Verdict = Literal["higher", "lower", "not shown", "too few videos"]

#: Videos that an interval needs.
_FEWEST: Final = 2

#: Videos by which a difference may be shown. Where nothing makes one, four videos all go the same way in
#: one case of eight, and every draw from them goes that way too; eight do so in one case of 128.
FEWEST_VIDEOS: Final = 8


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

    @property
    def can_show(self) -> bool:
        """Whether it is drawn from enough videos for a difference to be shown: `FEWEST_VIDEOS` or more."""
        return self.videos >= FEWEST_VIDEOS

    def above(self, value: float) -> bool:
        """Whether all of it lies above a value; never where there is no interval."""
        return self.low is not None and self.low > value

    def below(self, value: float) -> bool:
        """Whether all of it lies below a value; never where there is no interval."""
        return self.high is not None and self.high < value

    def shown_above(self, value: float) -> bool:
        """Whether the mean is shown to be greater: all of it lies above, and it can show something."""
        return self.can_show and self.above(value)

    def shown_below(self, value: float) -> bool:
        """Whether the mean is shown to be less, likewise."""
        return self.can_show and self.below(value)

    @property
    def verdict(self) -> Verdict:
        """What is shown of a difference that has this interval."""
        if not self.can_show:
            return TOO_FEW
        if self.shown_above(0):
            return "higher"
        return "lower" if self.shown_below(0) else "not shown"

    def through(self, change: Callable[[float], float]) -> Interval:
        """The interval on another scale; `change` must rise, and the mean follow it."""
        low, high = map(change, self.ends) if self.ends else (None, None)
        return Interval(change(self.mean), low, high, self.videos)


def interval(values: ArrayLike, videos: Sequence[Hashable], *, seed: int = 0) -> Interval:
    """Mean of values and its 95 % percentile bootstrap interval, resampled by video.

    For a paired comparison give it differences.

    Args:
        values: one for each question, or [seeds, questions]; NaN where there is none. At least one is.
        videos: of each question, as many.
    """
    return interval_of_means(values, videos, [None] * len(videos), seed=seed)


def interval_of_means(
    values: ArrayLike, videos: Sequence[Hashable], groups: Sequence[Hashable], *, seed: int = 0
) -> Interval:
    """The mean of the groups' means with its 95 % bootstrap interval, resampled by seed and by video.

    A video is drawn with all of its questions, whichever groups they are in: what it does to one
    group it does to the others. A group that no drawn video has a question of is left out of that draw.
    With one seed the interval is over videos alone.

    Args:
        values: one for each question, or [seeds, questions]; NaN where there is none. At least one is.
        videos: of each question, as many.
        groups: likewise.
    """
    table = np.atleast_2d(np.asarray(values, np.float64))
    # What no seed has a value of is not drawn either.
    asked = np.flatnonzero(np.isfinite(table).any(0)).tolist()
    rows, columns = (_numbers(names[i] for i in asked) for names in (videos, groups))
    sums = np.zeros((len(table), max(rows) + 1, max(columns) + 1))
    counts = np.zeros_like(sums)
    for number, own in enumerate(table[:, asked]):
        known = np.isfinite(own)
        np.add.at(sums[number], (rows, columns), np.where(known, own, 0))
        np.add.at(counts[number], (rows, columns), known)
    mean = float((sums.sum((0, 1)) / counts.sum((0, 1))).mean())
    if sums.shape[1] < _FEWEST:
        return Interval(mean, None, None, sums.shape[1])
    rng = np.random.default_rng(seed)
    draws = np.concatenate([_draws(sums, counts, rng) for _ in range(_RESAMPLES // _AT_ONCE)])
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(mean, float(low), float(high), sums.shape[1])


def _draws(
    sums: NDArray[np.float64], counts: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The mean of the groups' means in some draws, as far as these have any value.

    Args:
        sums, counts: of the values, [seeds, videos, groups].
    """
    seeds, videos = (_often(rng, count) for count in sums.shape[:2])
    total, number = (np.einsum("ds,sdg->dg", seeds, videos @ some) for some in (sums, counts))
    # One seed may lack what is drawn of another; of one alone, every draw has a value.
    there = number.any(1)
    total, number = total[there], number[there]
    means = np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)
    found: NDArray[np.float64] = np.nanmean(means, axis=1)
    return found


def _often(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """How often each of some things is drawn, [draws, things]."""
    drawn = rng.integers(count, size=(_AT_ONCE, count))
    drawn += count * np.arange(_AT_ONCE)[:, None]
    often = np.bincount(drawn.ravel(), minlength=_AT_ONCE * count)
    return often.reshape(_AT_ONCE, count).astype(np.float64)


def _numbers(names: Iterable[Hashable]) -> list[int]:
    """A number for each name, the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(name, len(numbers)) for name in names]
