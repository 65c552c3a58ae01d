"""Draws from `random()` alone."""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videossr.draw import choice, shuffled, uniform, whole


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


class Scripted(random.Random):
    """A generator whose `random()` gives the numbers it was made with, and nothing else works."""

    def __init__(self, *numbers: float) -> None:
        super().__init__(0)
        self.numbers = list(numbers)

    def random(self) -> float:
        """The next number."""
        return self.numbers.pop(0)

    def getrandbits(self, k: int) -> int:
        """Refuse: what is built on bits may change between versions of Python."""
        raise AssertionError(f"getrandbits({k}) was called")


def test_uniform_lies_by_the_share_that_was_drawn() -> None:
    """By hand: 0.25 of the way from 2 to 6 is 3."""
    assert uniform(Scripted(0.25), 2, 6) == 3


def test_whole_divides_the_unit_interval_evenly() -> None:
    """By hand: of 1, 2, 3 the first has [0, 1/3), the next [1/3, 2/3), the last [2/3, 1)."""
    drawn = [whole(Scripted(r), 1, 3) for r in (0.0, 0.33, 0.34, 0.66, 0.67, 0.9999999999999999)]
    assert drawn == [1, 1, 2, 2, 3, 3]


def test_choice_takes_the_item_at_the_share_that_was_drawn() -> None:
    """By hand: 0.5 of four items is the third."""
    assert choice(Scripted(0.5), "abcd") == "c"


def test_shuffled_swaps_from_the_end() -> None:
    """By hand: abcd, swap d with number int(0.3*4)=1: adcb; c stays, int(0.9*3)=2; a and d swap."""
    assert shuffled(Scripted(0.3, 0.9, 0.0), "abcd") == list("dacb")


def test_draws_of_a_seed_never_change() -> None:
    """Golden values: samples made years ago must render alike, so these may not move."""
    rng = seeded(0)
    numbers = [0.8444218515250481, 0.7579544029403025, 0.420571580830845]
    assert [rng.random() for _ in range(3)] == numbers
    # By hand from those: int(0.844... * 10) = 8, int(0.757... * 10) = 7, int(0.420... * 10) = 4.
    rng = seeded(0)
    assert [whole(rng, 0, 9) for _ in range(3)] == [8, 7, 4]
    # abcd: d and number int(0.844*4)=3, itself; c and int(0.757*3)=2, itself; b and int(0.42*2)=0.
    assert shuffled(seeded(0), "abcd") == list("bacd")


def test_every_order_is_as_likely() -> None:
    """All 24 orders of four items come up, about 100 times each in 2,400 shuffles."""
    rng = seeded(1)
    counts = Counter(tuple(shuffled(rng, range(4))) for _ in range(2400))
    assert set(counts) == set(permutations(range(4)))
    # Five standard deviations of a binomial of 2,400 and 1/24 are 49.
    assert all(51 <= count <= 149 for count in counts.values())


def test_shuffled_leaves_what_it_was_given() -> None:
    """The list handed in keeps its order."""
    items = [1, 2, 3, 4, 5]
    shuffled(seeded(0), items)
    assert items == [1, 2, 3, 4, 5]


@given(st.integers(), st.integers(0, 10**6), st.integers(-(10**6), 10**6))
def test_whole_stays_in_its_bounds(seed: int, span: int, least: int) -> None:
    """Whatever the bounds, the draw lies in them."""
    assert least <= whole(seeded(seed), least, least + span) <= least + span


def test_impossible_draws_are_refused() -> None:
    """Empty ranges and empty choices name what was wrong."""
    with pytest.raises(ValueError, match="greatest: 1; must be at least 2"):
        whole(seeded(0), 2, 1)
    with pytest.raises(ValueError, match="items: empty"):
        choice(seeded(0), [])
