"""Which frames are taken for which times."""

from __future__ import annotations

import bisect
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videossr.video import frames_on_screen, target_times

SECONDS = st.floats(-1e4, 1e6)
#: Times of frames: milliseconds, as in most files.
TIMELINE = st.lists(st.integers(0, 10**7), min_size=1, max_size=60, unique=True).map(
    lambda ticks: np.array(sorted(ticks), dtype=np.float64) / 1000
)


@given(SECONDS, st.floats(0, 1e5), st.integers(2, 100))
def test_targets_include_both_ends_and_are_even(start: float, length: float, count: int) -> None:
    """The first and last target are exactly what was asked for, the gaps are equal."""
    targets = target_times(start, start + length, count)
    assert count == len(targets)
    assert (start, start + length) == (targets[0], targets[-1])
    gaps = [b - a for a, b in pairwise(targets)]
    assert max(gaps) - min(gaps) <= 1e-9 * max(1.0, abs(start) + length)


def test_a_single_target_is_the_start() -> None:
    """Asked for one time, the start is given."""
    assert target_times(2.5, 9.0, 1) == [2.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0, 0), "count: 0"),
        ((1.0, 0.5, 4), r"stop: 0\.5; must not be before start = 1\.0"),
        ((0.0, float("nan"), 4), "must be finite"),
    ],
)
def test_impossible_targets_are_named(arguments: tuple[float, float, int], message: str) -> None:
    """No targets, a stop before the start and a time that is none are refused."""
    with pytest.raises(ValueError, match=message):
        target_times(*arguments)


@given(TIMELINE, st.lists(SECONDS, min_size=1, max_size=40))
def test_each_target_gets_the_last_frame_that_has_begun(
    times: np.ndarray, targets: list[float]
) -> None:
    """The frames are those of a search by hand, each once, in order."""
    by_hand = {max(0, bisect.bisect_right(times.tolist(), t + 1e-6) - 1) for t in targets}
    assert sorted(by_hand) == frames_on_screen(times, targets).tolist()


@given(TIMELINE)
def test_asking_for_a_frame_by_its_own_time_gets_it(times: np.ndarray) -> None:
    """The round trip holds in spite of rounding."""
    wobbled = (times + 1e-9).tolist() if len(times) % 2 else (times - 1e-9).tolist()
    assert list(range(len(times))) == frames_on_screen(times, wobbled).tolist()


def test_a_frame_stays_on_screen_until_the_next() -> None:
    """In the middle of a long gap the frame before it is shown, not the nearer one after it."""
    times = np.array([0.0, 0.1, 2.0])
    assert frames_on_screen(times, [1.9]).tolist() == [1]


def test_targets_outside_of_the_video_get_its_ends() -> None:
    """Before the first frame the first is taken, after the last the last."""
    times = np.array([5.0, 6.0, 7.0])
    assert frames_on_screen(times, [-1.0, 100.0]).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("times", "targets", "message"),
    [([], [0.0], "times: empty"), ([0.0], [], "targets: empty"), ([0.0], [np.inf], "finite")],
)
def test_nothing_to_choose_from_is_refused(
    times: list[float], targets: list[float], message: str
) -> None:
    """No frames, no targets and a target that is no time are errors."""
    with pytest.raises(ValueError, match=message):
        frames_on_screen(np.array(times, dtype=np.float64), targets)
