"""What an answer to object counting is worth, against exact arithmetic."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videossr import Clip
from videossr.seeds import rng_for
from videossr_counting import plugin
from videossr_counting.counting import closeness

if TYPE_CHECKING:
    from collections.abc import Callable

    from videossr.facades import Task

COUNTS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 120)), min_size=1, max_size=6)


def exact(stated: int, true: int) -> Fraction:
    """The formula for one kind, epsilon left in, without any rounding."""
    return max(Fraction(0), 1 - Fraction(abs(stated - true)) / (true + Fraction(1, 10**6)))


@given(COUNTS)
def test_the_reward_is_the_formula(pairs: list[tuple[int, int]]) -> None:
    """The mean over kinds of max(0, 1 - |stated - true| / (true + 1e-6)), to 1e-12, for up to six kinds."""
    stated, true = ([pair[of] for pair in pairs] for of in (0, 1))
    expected = sum(exact(*pair) for pair in pairs) / len(pairs)
    found = plugin.reward(",".join(map(str, stated)), {"counts": true})
    assert abs(Fraction(found) - expected) < Fraction(1, 10**12)


@given(COUNTS, st.data())
def test_a_count_farther_off_never_earns_more(
    pairs: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whichever kind it is of, and whatever the others: exactly, not only up to rounding."""
    stated, true = ([pair[of] for pair in pairs] for of in (0, 1))
    before = closeness(stated, true)
    kind = data.draw(st.integers(0, len(pairs) - 1))
    upwards = stated[kind] >= true[kind]
    stated[kind] += (1 if upwards else -1) * data.draw(st.integers(1, 50))
    assert closeness(stated, true) <= before


@pytest.mark.parametrize(
    ("stated", "true", "reward"),
    [
        ([0, 1], [0, 1], 1.0),
        ([1, 1], [0, 1], 0.5),  # anything but zero is wrong for zero, by however much
        ([999_999, 1], [0, 1], 0.5),
        ([0, 1], [1, 1], 0.5 * (1 - 1 / (1 + 1e-6)) + 0.5),  # epsilon keeps a millionth
    ],
)
def test_zero_is_stated_and_meant(stated: list[int], true: list[int], reward: float) -> None:
    """By hand, with a count of zero on either side."""
    assert closeness(stated, true) == pytest.approx(reward, abs=1e-12)


def test_counts_follow_the_sums_worked_out_by_hand() -> None:
    """One, two or three frames of one to three shapes each, in how many ways they add up to what."""
    ways = [
        Counter(sum(drawn) for drawn in product((1, 2, 3), repeat=frames)) for frames in (1, 2, 3)
    ]
    assert ways == [
        {1: 1, 2: 1, 3: 1},
        {2: 1, 3: 2, 4: 3, 5: 2, 6: 1},
        {3: 1, 4: 3, 5: 6, 6: 7, 7: 6, 8: 3, 9: 1},
    ]


def test_the_blind_floor_is_exact() -> None:
    """Stating 3 of each kind, by hand from those sums: 0.583, as published.

    Against 1 to 9 a 3 earns 0, 1/2, 1, 3/4, 3/5, 1/2, 3/7, 3/8 and 1/3. On one frame that is 1/2, on two
    129/180 and on three 12079/22680; their mean is 0.583083.
    """
    earned = [closeness([3], [count]) for count in range(1, 10)]
    assert earned == pytest.approx(
        [0, 1 / 2, 1, 3 / 4, 3 / 5, 1 / 2, 3 / 7, 3 / 8, 1 / 3], abs=1e-6
    )
    ways = [[1, 1, 1], [0, 1, 2, 3, 2, 1], [0, 0, 1, 3, 6, 7, 6, 3, 1]]
    by_frames = [
        sum(often * worth for often, worth in zip(row, earned, strict=False)) / sum(row)
        for row in ways
    ]
    assert by_frames == pytest.approx([1 / 2, 129 / 180, 12_079 / 22_680], abs=1e-6)
    assert sum(by_frames) / 3 == pytest.approx(0.583083, abs=1e-6)


def test_the_generator_has_that_blind_floor(bind_task: Callable[..., Task]) -> None:
    """Over 400 questions with the settings of the paper on 48 frames, 3,3,3 earns 0.583 within 0.01.

    Shapes are small, so that none is left out for want of room.
    """
    settings = {"max_frames": 3, "max_instances": 3, "min_gap": 8}
    task = bind_task("counting", **settings, min_size=0.2, max_size=0.2)
    clip = Clip(torch.zeros(48, 3, 32, 48, dtype=torch.uint8), torch.arange(48).double() / 2)
    samples = (
        task.make_sample(clip, difficulty=0.5, rng=rng_for("floor", draw)) for draw in range(400)
    )
    earned = [task.score("3,3,3", one.answer, one.target).value for one in samples]
    assert sum(earned) / len(earned) == pytest.approx(0.583, abs=0.01)
