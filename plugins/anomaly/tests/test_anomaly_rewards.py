"""What an answer to anomaly grounding is worth, against exact arithmetic; and hostile answers to all tasks."""

from __future__ import annotations

import importlib.util
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videossr_anomaly import plugin

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from videossr.facades import Task

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "rewards.py"

#: Tenths of seconds, up to ten minutes; any two make an interval, of no length or reversed at times.
TENTHS = st.integers(-50, 6_000)
INTERVALS = st.tuples(TENTHS, TENTHS)
ORDERED = INTERVALS.map(sorted).map(tuple)

Ends = tuple[int, int]


def stated(ends: Ends) -> str:
    """An answer."""
    return f"{ends[0] / 10:.1f}-{ends[1] / 10:.1f}"


def worth(predicted: Ends, true: Ends) -> float:
    """What the reward says."""
    target = {"start": true[0] / 10, "end": true[1] / 10}
    return float(plugin.reward(stated(predicted), target))


def exact(predicted: Ends, true: Ends) -> Fraction:
    """The IoU of two stretches of time, without any rounding of its own."""
    (start, end), (first, last) = (
        tuple(Fraction(end / 10) for end in one) for one in (predicted, true)
    )
    shared = max(Fraction(0), min(end, last) - max(start, first))
    union = (end - start) + (last - first) - shared
    return shared / union


def benchmark() -> ModuleType:
    """The script that makes hostile answers by the million."""
    spec = importlib.util.spec_from_file_location("benchmark_rewards", BENCHMARK)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@given(ORDERED.filter(lambda ends: ends[0] < ends[1]), ORDERED)
def test_the_reward_is_the_formula(true: Ends, predicted: Ends) -> None:
    """The intersection over the union, to 1e-12, of any interval with one that has a length."""
    assert abs(Fraction(worth(predicted, true)) - exact(predicted, true)) < Fraction(1, 10**12)


@given(
    ORDERED, st.integers(0, 400), st.integers(0, 400), st.integers(0, 400), st.sampled_from((1, -1))
)
def test_an_interval_farther_away_never_earns_more(
    true: Ends, length: int, off: int, farther: int, way: int
) -> None:
    """Of whatever length, moved on from where its middle is the true one's or past it, later or earlier."""
    middle = sum(true)  # doubled, in tenths
    start = math.ceil((middle - length) / 2) if way > 0 else math.floor((middle - length) / 2)
    rewards = [
        worth((start + way * by, start + length + way * by), true) for by in (off, off + farther)
    ]
    assert rewards[1] <= rewards[0] + 1e-12  # the times are no whole floats


@given(ORDERED, st.integers(0, 400), st.integers(0, 400))
def test_an_interval_ever_too_long_never_earns_more(true: Ends, more: int, still_more: int) -> None:
    """Its end put off: what it covers besides grows."""
    rewards = [worth((true[0], true[1] + by), true) for by in (more, more + still_more)]
    assert rewards[1] <= rewards[0] + 1e-12


@given(INTERVALS.filter(lambda ends: ends[1] < ends[0]), ORDERED)
def test_a_reversed_interval_earns_nothing(predicted: Ends, true: Ends) -> None:
    """It has the form of an answer and holds no moment, whatever is true."""
    assert worth(predicted, true) == 0.0


@given(TENTHS, ORDERED)
def test_an_instant_earns_all_or_nothing(instant: int, true: Ends) -> None:
    """Where it ends as it starts: 1.0 against that same instant, 0.0 against anything else."""
    assert worth((instant, instant), true) == float((instant, instant) == true)
    assert worth(true, (instant, instant)) == float((instant, instant) == true)


@pytest.mark.parametrize("name", ["anomaly", "counting", "jigsaw"])
def test_thousands_of_hostile_answers_score(name: str, bind_task: Callable[..., Task]) -> None:
    """Those of the benchmark: finite, in [0, 1], nothing raised; some are answers and most are not."""
    script = benchmark()
    true, target = script.ASKED[name]
    settings = {"perturbations": {"mirror": {}}} if name == "anomaly" else {}
    made = list(script.answers(true, 5_000))
    assert max(map(len, made)) > 10_000
    parsed = script.graded(bind_task(name, **settings), made, true, target)
    assert 1_000 < parsed < 3_000
