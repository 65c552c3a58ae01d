"""Intervals of means."""

from __future__ import annotations

import numpy as np
import pytest

from videossr.intervals import Interval, interval, interval_of_means


def test_interval_of_equal_values_has_no_width() -> None:
    """Where all score alike there is nothing to resample."""
    assert interval([0.5] * 10, ["a", "b"] * 5) == (0.5, 0.5, 0.5, 2)


def test_interval_is_that_of_the_normal_approximation() -> None:
    """With a question a video the interval is near mean +- 1.96 standard errors."""
    values = np.random.default_rng(1).random(400)
    mean, low, high, videos = interval(values.tolist(), [str(i) for i in range(400)])
    error = 1.96 * values.std(ddof=1) / 20
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((mean - error, mean + error), abs=0.003)
    assert videos == 400


def test_interval_is_wider_where_questions_share_a_video() -> None:
    """Twenty copies of a question are one observation, so the interval must not shrink."""
    values = np.random.default_rng(2).random(20)
    once = interval(values.tolist(), [str(i) for i in range(20)])
    often = interval(np.repeat(values, 20).tolist(), [str(i) for i in range(20) for _ in range(20)])
    assert often == pytest.approx(once)


def test_one_video_gives_no_interval() -> None:
    """Drawn again and again it is itself, which says nothing of other videos: nothing is shown by it."""
    alone = interval([1.0, 1.0, 0.5], ["a"] * 3)
    assert alone == (pytest.approx(2.5 / 3), None, None, 1)
    assert alone.ends is None
    assert not alone.above(0.0)
    assert not alone.below(2.0)
    assert alone.through(lambda value: 6 * value) == (pytest.approx(5), None, None, 1)


def test_where_an_interval_lies() -> None:
    """Above or below a value where all of it does; the value itself is open."""
    some = Interval(0.3, 0.1, 0.5, 9)
    assert some.above(0.0)
    assert not some.above(0.1)
    assert some.below(0.6)
    assert not some.below(0.5)
    assert some.through(lambda value: 10 * value - 1) == pytest.approx((2.0, 0.0, 4.0, 9))


@pytest.mark.parametrize(("videos", "shown"), [(1, False), (2, False), (7, False), (8, True)])
def test_few_videos_show_nothing(videos: int, *, shown: bool) -> None:
    """However far their interval lies from a value: few of anything go the same way by chance."""
    some = interval([0.5 + 0.01 * n for n in range(videos)], range(videos))
    assert [shown] * 3 == [some.can_show, some.shown_above(0.4), some.shown_below(0.6)]
    assert not some.shown_above(0.6)
    assert not some.shown_below(0.4)


def test_the_mean_of_means_counts_each_group_alike() -> None:
    """By hand: over both seeds the first group has 0.5 and the second 1; a missing value does not count."""
    values = [[0.0, 1.0, 1.0], [1.0, 0.0, np.nan]]
    assert 0.75 == interval_of_means(values, "aba", "xxy").mean
    assert 0.5 == interval([row[:2] for row in values], "ab").mean
    # The second group is about one video, which says nothing of others.
    assert (1.0, None, None, 1) == interval([[1.0], [np.nan]], "a")


def test_seeds_that_differ_widen_the_interval() -> None:
    """Alike on every question, the interval comes from the seeds alone; of one seed there is none."""
    apart = [[0.0] * 20, [1.0] * 20]
    assert (0.5, 0.0, 1.0, 20) == interval(apart, range(20))
    assert (0.0, 0.0, 0.0, 20) == interval(apart[:1], range(20))


def test_one_seed_is_as_no_seeds() -> None:
    """Whoever measures one run gets the ends that a report over seeds gives for it, to the bit."""
    values = np.random.default_rng(4).random(90).tolist()
    videos, groups = [i % 7 for i in range(90)], [i % 13 % 3 for i in range(90)]
    assert interval(values, videos) == interval([values], videos)
    assert interval_of_means(values, videos, groups) == interval_of_means([values], videos, groups)
    gone = [*values, np.nan]
    assert interval(values, videos) == interval(gone, [*videos, 99])


def test_a_draw_without_a_group_is_the_mean_of_the_others() -> None:
    """By hand: half of the draws of two videos lack the second group, and are the first's 0 and not 0.5.

    A draw of seeds that have no value of the videos drawn is none.
    """
    assert (0.5, 0.0, 1.0, 2) == interval_of_means([0.0, 1.0], "ab", "xy")
    assert (0.5, 0.0, 1.0, 2) == interval([[0.0, np.nan], [np.nan, 1.0]], "ab")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (Interval(0.3, 0.1, 0.5, 8), "higher"),
        (Interval(-0.3, -0.5, -0.1, 8), "lower"),
        (Interval(0.3, 0.0, 0.5, 8), "not shown"),
        (Interval(0.3, 0.1, 0.5, 7), "too few videos"),
        (Interval(0.3, None, None, 1), "too few videos"),
    ],
)
def test_what_a_difference_shows(change: Interval, verdict: str) -> None:
    """Where its interval lies, if enough videos are behind it."""
    assert verdict == change.verdict
