"""What an answer to the temporal jigsaw is worth, against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videossr import Unparsable
from videossr_jigsaw import plugin
from videossr_jigsaw.jigsaw import closeness

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIRS = st.integers(3, 9).flatmap(lambda n: st.tuples(*[st.permutations(range(1, n + 1))] * 2))


def exact(stated: Sequence[int], true: Sequence[int]) -> Fraction:
    """The formula, by looking up where each part stands."""
    where, right = ({part: at for at, part in enumerate(order)} for order in (stated, true))
    displaced = sum(abs(where[part] - right[part]) for part in right)
    return 1 - Fraction(displaced, len(true) ** 2 // 2)


@given(PAIRS)
def test_the_reward_is_the_formula(orders: tuple[list[int], list[int]]) -> None:
    """1 - E / floor(n^2 / 2), to 1e-12, of any two orders of three to nine parts."""
    stated, true = orders
    found = plugin.reward("".join(map(str, stated)), {"order": true})
    assert abs(Fraction(found) - exact(stated, true)) < Fraction(1, 10**12)


@given(PAIRS, st.data())
def test_a_pair_put_the_wrong_way_round_never_earns_more(
    orders: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    """Any two parts that are stated in their true order, near or far, swapped; and the other way about."""
    stated, true = list(orders[0]), orders[1]
    first = data.draw(st.integers(0, len(true) - 2))
    second = data.draw(st.integers(first + 1, len(true) - 1))
    right_way_round = true.index(stated[first]) < true.index(stated[second])
    before = closeness(stated, true)
    stated[first], stated[second] = stated[second], stated[first]
    after = closeness(stated, true)
    assert (after <= before) if right_way_round else (after >= before)


@given(PAIRS, st.data())
def test_a_repeated_digit_earns_nothing(
    orders: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    """As many digits as parts, one of them twice: read, and worth 0.0, however near the rest."""
    stated, true = list(orders[0]), orders[1]
    into, source = data.draw(st.permutations(range(len(true))))[:2]
    stated[into] = stated[source]
    assert plugin.reward("".join(map(str, stated)), {"order": true}) == 0.0


@given(PAIRS, st.integers(-3, 3).filter(bool))
def test_another_number_of_digits_is_no_order(
    orders: tuple[list[int], list[int]], more: int
) -> None:
    """Too few or too many, the true ones among them or not: unparsable, and the right number is told."""
    true = orders[1]
    digits = ("".join(map(str, true)) + "123")[: len(true) + more]
    with pytest.raises(Unparsable, match=f"must be {len(true)} digits"):
        plugin.reward(digits, {"order": true})
