"""Ramps: how they are written, and what they are worth between their levels."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from videossr import Ramp
from videossr.ramp import within

#: Wide enough for any setting, and far from where differences overflow.
VALUES = st.floats(-1e150, 1e150)
DIFFICULTIES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("written", "levels"),
    [
        (3, (3, 3, 3)),
        (0.5, (0.5, 0.5, 0.5)),
        ({"easy": 3, "hard": 9}, (3, 6, 9)),
        ({"easy": 9, "hard": 3}, (9, 6, 3)),
        ({"easy": 3, "train": 4, "hard": 9}, (3, 4, 9)),
    ],
)
def test_a_ramp_has_short_forms(written: object, levels: tuple[float, float, float]) -> None:
    """One number; two levels, with the middle halfway; three levels."""
    ramp = Ramp.model_validate(written)
    assert levels == (ramp.easy, ramp.train, ramp.hard)
    assert levels == (ramp.at(0), ramp.at(0.5), ramp.at(1))


@pytest.mark.parametrize(
    ("written", "places"),
    [
        (True, {()}),
        ("3", {()}),
        ([3, 9], {()}),
        (float("nan"), {("easy",), ("train",), ("hard",)}),
        ({"easy": 3}, {("hard",)}),
        ({"train": 3}, {("easy",), ("hard",)}),
        ({"easy": 3, "hard": "nine"}, {("hard",)}),
        ({"easy": 3, "hard": 9, "harder": 12}, {("harder",)}),
        ({}, {("easy",), ("hard",)}),
    ],
)
def test_what_is_no_ramp_is_refused(written: object, places: set[tuple[str, ...]]) -> None:
    """With the levels that are wrong, and no others."""
    with pytest.raises(ValidationError) as caught:
        Ramp.model_validate(written)
    assert places == {item["loc"] for item in caught.value.errors()}


def test_a_ramp_is_linear_between_its_levels() -> None:
    """By hand: a quarter is halfway from 2 to 4, three quarters halfway from 4 to 10."""
    ramp = Ramp.between(2, 10, train=4)
    assert (3, 7) == (ramp.at(0.25), ramp.at(0.75))
    assert (2, 10) == (ramp.least, ramp.greatest)


@pytest.mark.parametrize(("value", "whole"), [(2.4, 2), (2.5, 3), (3.5, 4), (-0.5, 0), (-0.6, -1)])
def test_whole_numbers_round_halves_up(value: float, whole: int) -> None:
    """Not to the even neighbour, as Python does."""
    assert whole == Ramp.between(value, value).whole_at(0.3)


@given(VALUES, VALUES, VALUES)
def test_a_ramp_hits_its_levels(easy: float, train: float, hard: float) -> None:
    """To the bit, at difficulties 0, 0.5 and 1."""
    ramp = Ramp.between(easy, hard, train=train)
    assert (easy, train, hard) == (ramp.at(0), ramp.at(0.5), ramp.at(1))


@given(st.tuples(VALUES, VALUES, VALUES).map(sorted), st.tuples(DIFFICULTIES, DIFFICULTIES))
def test_a_ramp_of_growing_levels_grows(levels: list[float], at: tuple[float, float]) -> None:
    """And one of falling levels falls; rounding makes no step back."""
    low, high = sorted(at)
    up = Ramp.between(levels[0], levels[2], train=levels[1])
    down = Ramp.between(levels[2], levels[0], train=levels[1])
    assert up.at(low) <= up.at(high)
    assert down.at(low) >= down.at(high)


@given(VALUES, VALUES, VALUES, DIFFICULTIES)
def test_a_ramp_stays_between_its_bounds(
    easy: float, train: float, hard: float, difficulty: float
) -> None:
    """`within` looks at the levels, and so holds everywhere."""
    ramp = Ramp.between(easy, hard, train=train)
    assert ramp.least <= ramp.at(difficulty) <= ramp.greatest


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        (1, True),
        (9, True),
        ({"easy": 9, "hard": 1}, True),
        (0.9, False),
        (9.1, False),
        ({"easy": 1, "train": 10, "hard": 9}, False),
    ],
)
def test_bounds_hold_at_every_level(written: object, fits: bool) -> None:
    """Both bounds belong to what fits."""
    schema: TypeAdapter[Ramp] = TypeAdapter(Annotated[Ramp, within(1, 9)])
    if fits:
        assert Ramp.model_validate(written) == schema.validate_python(written)
    else:
        with pytest.raises(ValidationError, match="must stay from 1 to 9"):
            schema.validate_python(written)
