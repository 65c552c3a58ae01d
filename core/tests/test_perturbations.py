"""Which of a set's perturbations a question gets."""

from __future__ import annotations

import random
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videossr import Perturbations

if TYPE_CHECKING:
    from videossr.facades import Perturbation

names = st.text(st.characters(codec="ascii", categories=("Ll",)), min_size=1, max_size=4)
weights = st.dictionaries(names, st.floats(0.01, 100), min_size=2, max_size=6)


def a_set(weighted: dict[str, float]) -> Perturbations:
    """Perturbations that have nothing but a name."""
    named: dict[str, Any] = {name: SimpleNamespace(name=name) for name in weighted}
    return Perturbations(
        {name: (cast("Perturbation", named[name]), weight) for name, weight in weighted.items()}
    )


def picked(weighted: dict[str, float], seeds: range) -> list[str]:
    """The name that each seed draws."""
    chosen = a_set(weighted)
    return [chosen.pick(random.Random(seed)).name for seed in seeds]


@given(weights, st.data())
def test_leaving_one_out_changes_the_questions_that_it_altered_alone(
    weighted: dict[str, float], data: st.DataObject
) -> None:
    """Whatever the weights: who had another perturbation keeps it."""
    gone = data.draw(st.sampled_from(sorted(weighted)))
    without = {name: weight for name, weight in weighted.items() if name != gone}
    pairs = zip(picked(weighted, range(64)), picked(without, range(64)), strict=True)
    assert all(before in (after, gone) for before, after in pairs)


def test_each_comes_as_often_as_its_weight_says() -> None:
    """Within four standard deviations of 4,000 draws, of which each has less than 32."""
    weighted = {"mirror": 1.0, "rotate": 2.0, "invert": 5.0}
    found = Counter(picked(weighted, range(4000)))
    assert found == pytest.approx({"mirror": 500, "rotate": 1000, "invert": 2500}, abs=128)


def test_one_draw_is_taken_however_many_there_are() -> None:
    """What a task draws next does not depend on the set."""
    after = []
    for weighted in ({"mirror": 1.0}, {"mirror": 1.0, "rotate": 2.0}):
        rng = random.Random(7)
        a_set(weighted).pick(rng)
        after.append(rng.random())
    assert after[0] == after[1]
