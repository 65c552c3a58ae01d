"""Difficulty over a build and a training."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from toy_plugins import Pick, PickConfig, registry_of, toys

from videossr import DatasetError, hookimpl
from videossr.schedules import (
    REMEMBERED,
    Adaptive,
    Constant,
    Group,
    History,
    Linear,
    Schedule,
    ScheduleField,
    Seen,
    Stepped,
    written,
)

READ = TypeAdapter(ScheduleField)


def read(value: object) -> Any:  # noqa: ANN401 - whatever the YAML gives
    """A schedule as a configuration reads it."""
    return READ.validate_python(value)


def groups(count: int, difficulty: float, *, reward: float, informative: bool) -> tuple[Group, ...]:
    """Groups that are all alike."""
    return (Group(difficulty, reward, informative),) * count


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.3, Constant(at=0.3)),
        (1, Constant(at=1.0)),
        ("hard", Constant(at=1.0)),
        ({"kind": "constant", "at": "easy"}, Constant(at=0.0)),
        ({"kind": "linear"}, Linear(start=0.0, stop=1.0)),
        ({"kind": "linear", "start": "hard", "stop": 0.25}, Linear(start=1.0, stop=0.25)),
        ({"kind": "stepped"}, Stepped(levels=(0.0, 0.5, 1.0))),
        ({"kind": "adaptive", "window": 8}, Adaptive(window=8)),
    ],
)
def test_a_schedule_is_read(value: object, expected: Schedule) -> None:
    """A number or a level stands for a constant; levels may be named anywhere."""
    assert expected == read(value)
    assert expected == read(written(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("harder", "no level has this name; levels are easy, train, hard"),
        (1.5, "must be from 0 to 1"),
        (float("nan"), "must be from 0 to 1"),
        (True, "Input should be a valid dictionary"),
        ({"start": 0}, "has no kind; kinds are constant, linear, stepped, adaptive"),
        ({"kind": "cosine"}, "'cosine' found using 'kind' does not match any of the expected tags"),
        ({"kind": "linear", "from": 0}, "Extra inputs"),
        ({"kind": "stepped", "levels": [0, 1], "at": [0.2, 0.4]}, "2 shares for 2 levels"),
        ({"kind": "stepped", "at": [0.6, 0.4]}, r"at is \[0.6, 0.4\]; must rise"),
        ({"kind": "adaptive", "least": 0.6}, "least 0.6, start 0.5, most 1; must not fall"),
        ({"kind": "adaptive", "target": [0.9, 0.5]}, r"target is \[0.9, 0.5\]; must not fall"),
    ],
)
def test_what_is_no_schedule_is_told(value: object, expected: str) -> None:
    """In words that say what would be right."""
    with pytest.raises(ValidationError, match=expected):
        read(value)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(at=0.3), [0.3, 0.3, 0.3, 0.3, 0.3]),
        (Linear(), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (Linear(start=1.0, stop=0.0, until=0.5), [1.0, 0.5, 0.0, 0.0, 0.0]),
        (Stepped(), [0.0, 0.0, 0.5, 1.0, 1.0]),
        (Stepped(levels=(0.2, 0.8), at=(0.75,)), [0.2, 0.2, 0.2, 0.8, 0.8]),
        (Adaptive(start=0.4), [0.4, 0.4, 0.4, 0.4, 0.4]),
    ],
)
def test_difficulty_by_progress(schedule: Schedule, expected: list[float]) -> None:
    """By hand, after none, a quarter, a half, three quarters and all of the questions."""
    assert expected == [schedule.difficulty(progress / 4) for progress in range(5)]


@given(
    schedule=st.one_of(
        st.builds(
            Linear,
            start=st.floats(0, 1),
            stop=st.floats(0, 1),
            until=st.floats(0, 1, exclude_min=True),
        ),
        st.builds(Stepped, levels=st.lists(st.floats(0, 1), min_size=1, max_size=5).map(tuple)),
    ),
    progress=st.floats(0, 1),
)
def test_difficulty_never_leaves_the_unit_interval(schedule: Schedule, progress: float) -> None:
    """Rounding included."""
    assert 0 <= schedule.difficulty(progress) <= 1


FOUR = Adaptive(window=4, step=0.1, target=(0.5, 0.75))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(groups(3, 0.5, reward=0, informative=False), 0.5, id="too few to tell"),
        pytest.param(groups(4, 0.5, reward=0.1, informative=False), 0.4, id="too hard"),
        pytest.param(groups(4, 0.5, reward=0.9, informative=False), 0.6, id="too easy"),
        pytest.param(groups(4, 0.5, reward=0.4, informative=True), 0.6, id="room for harder"),
        pytest.param(
            groups(2, 0.5, reward=0.4, informative=True)
            + groups(2, 0.5, reward=0.0, informative=False),
            0.5,
            id="within the band",
        ),
        pytest.param(
            groups(9, 0.6, reward=0.0, informative=False)
            + groups(4, 0.5, reward=0.9, informative=False),
            0.6,
            id="others' difficulty does not count",
        ),
        pytest.param(
            groups(9, 0.5, reward=0.0, informative=False)
            + groups(4, 0.5, reward=1.0, informative=False),
            0.6,
            id="the last ones count",
        ),
    ],
)
def test_adaptive_follows_the_rewards(seen: tuple[Group, ...], expected: float) -> None:
    """Easier where groups fail alike, harder where they succeed alike or all differ."""
    assert expected == FOUR.difficulty(0.9, Seen(0.5, seen))


@pytest.mark.parametrize(("difficulty", "reward"), [(0.0, 0.0), (1.0, 1.0)])
def test_adaptive_stays_within_its_bounds(difficulty: float, reward: float) -> None:
    """At either end it goes no further."""
    seen = Seen(difficulty, groups(4, difficulty, reward=reward, informative=False))
    assert difficulty == FOUR.difficulty(0.5, seen)


def simulated(ability: float, steps: int, seed: int = 0) -> tuple[list[float], History]:
    """A learner that answers right with a chance that falls with the difficulty beyond its ability."""
    task = toys().task("pick", PickConfig(), Adaptive(window=32, target=(0.6, 0.9)))
    history = History({"pick": task})
    dice = random.Random(seed)
    levels = []
    for step in range(steps):
        level = history.difficulty("pick")
        chance = min(1.0, max(0.0, 0.5 + 3 * (ability - level)))
        for _ in range(32):
            rewards = [float(dice.random() < chance) for _ in range(8)]
            history.record("pick", level, rewards)
        history.follow(step / steps)
        levels.append(level)
    return levels, history


@pytest.mark.parametrize("ability", [0.2, 0.5, 0.8])
def test_adaptive_finds_the_band(ability: float) -> None:
    """After 60 steps most groups of a simulated learner are informative, wherever its ability lies."""
    levels, _ = simulated(ability, 60)
    shares = []
    for level in levels[-20:]:
        chance = min(1.0, max(0.0, 0.5 + 3 * (ability - level)))
        shares.append(1 - chance**8 - (1 - chance) ** 8)
    assert 0.5 < sum(shares) / len(shares)
    assert max(levels[-20:]) - min(levels[-20:]) < 0.3


def test_the_same_rewards_give_the_same_difficulties() -> None:
    """Nothing else comes in."""
    assert simulated(0.7, 20)[0] == simulated(0.7, 20)[0]


def test_a_history_goes_on_from_its_state() -> None:
    """Written to JSON and read back, it decides as the one that was never saved."""
    levels, whole = simulated(0.9, 30)
    assert len(set(levels)) > 3
    task = toys().task("pick", PickConfig(), Adaptive(window=32, target=(0.6, 0.9)))
    restored = History({"pick": task})
    restored.restore(json.loads(json.dumps(whole.state())))
    for history in (whole, restored):
        for _ in range(40):
            history.record("pick", history.difficulty("pick"), [1.0, 1.0])
        history.follow(0.5)
    assert whole.state() == restored.state()


def test_a_state_of_other_tasks_is_refused() -> None:
    """With the names of both."""
    history = History({"pick": toys().task("pick", PickConfig(), 0.5)})
    with pytest.raises(DatasetError, match="of the tasks other; this run has pick"):
        history.restore({"other": {"difficulty": 0.5, "groups": []}})


def test_a_history_remembers_so_much() -> None:
    """However long the training, a checkpoint stays small."""
    history = History({"pick": toys().task("pick", PickConfig(), 0.5)})
    for _ in range(REMEMBERED + 10):
        history.record("pick", 0.5, [0.0, 1.0])
    assert REMEMBERED == len(history.state()["pick"]["groups"])


def test_a_task_may_follow_the_rewards_itself() -> None:
    """Its hook is asked with what was seen, and the configured schedule is not."""

    class Following(Pick):
        @hookimpl
        def difficulty_schedule(self, seen: Seen | None) -> float:
            return 0.1 if seen is None else len(seen.groups) / 10

    task = registry_of(own=Following()).task("own", PickConfig(), Adaptive(start=0.9, most=0.9))
    assert task.follows_rewards
    history = History({"own": task})
    assert 0.1 == history.difficulty("own")
    history.record("own", 0.1, [1.0, 0.0])
    history.record("own", 0.1, [1.0, 0.0])
    history.follow(0.5)
    assert 0.2 == history.difficulty("own")


@pytest.mark.parametrize(
    ("schedule", "follows"), [(0.5, False), (Linear(), False), (Adaptive(), True)]
)
def test_what_follows_the_rewards(schedule: Schedule | float, *, follows: bool) -> None:
    """A task whose difficulty can change in training."""
    assert follows == toys().task("pick", PickConfig(), schedule).follows_rewards
