"""Intervals of means."""

from __future__ import annotations

import numpy as np
import pytest

from videossr.intervals import interval


def test_interval_of_equal_values_has_no_width() -> None:
    """Where all score alike there is nothing to resample."""
    assert interval([0.5] * 10, ["a", "b"] * 5) == (0.5, 0.5, 0.5)


def test_interval_is_that_of_the_normal_approximation() -> None:
    """With a question a video the interval is near mean +- 1.96 standard errors."""
    values = np.random.default_rng(1).random(400)
    mean, low, high = interval(values.tolist(), [str(i) for i in range(400)])
    error = 1.96 * values.std(ddof=1) / 20
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((mean - error, mean + error), abs=0.003)


def test_interval_is_wider_where_questions_share_a_video() -> None:
    """Twenty copies of a question are one observation, so the interval must not shrink."""
    values = np.random.default_rng(2).random(20)
    once = interval(values.tolist(), [str(i) for i in range(20)])
    often = interval(np.repeat(values, 20).tolist(), [str(i) for i in range(20) for _ in range(20)])
    assert often == pytest.approx(once)
