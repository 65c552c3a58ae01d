"""Rewards of mixed tasks, and the curves by task."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from videossr import PluginError, Unparsable, hookimpl
from videossr.floors import Floors
from videossr.registry import Registry
from videossr_trainers.rewards import TaskReward

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr.facades import Task


class Exact:
    """Scores 1 for the answer, a half for its first letter; digits alone have the form of one."""

    class Config(BaseModel):
        """No settings."""

    summary = "For these tests"
    version = "1"

    @hookimpl
    def make_sample(self) -> None:
        """Asked for by no test here."""

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        """As the class says."""
        if completion == "bug":
            raise KeyError(completion)
        if not completion.isdigit():
            raise Unparsable("must be digits")
        return 1.0 if completion == answer else 0.5 * (completion[:1] == answer[:1])


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Task]:
    """Two tasks of the same plugin class."""
    module = SimpleNamespace(even=Exact(), odd=Exact())
    monkeypatch.setitem(__import__("sys").modules, "toy_rewards", module)
    points = [EntryPoint(name, f"toy_rewards:{name}", "videossr") for name in ("even", "odd")]
    registry = Registry(points)
    return {name: registry.task(name, Exact.Config(), 0.5) for name in ("even", "odd")}


def grade(
    tasks: Mapping[str, Task], rows: list[tuple[str, str, str]]
) -> tuple[list[float], dict[str, float]]:
    """Rewards and metrics of rows (task, completion, answer), two to a group."""
    metrics: dict[str, float] = {}
    reward = TaskReward(tasks, Floors({"even": {0.5: 0.5}, "odd": {0.5: 0.0}}), num_generations=2)
    values = reward(
        completions=[[{"role": "assistant", "content": completion}] for _, completion, _ in rows],
        task=[task for task, _, _ in rows],
        answer=[answer for _, _, answer in rows],
        target=[{} for _ in rows],
        difficulty=[0.5 for _ in rows],
        context=["video a.mp4, seed 7" for _ in rows],
        substituted=[completion == "stood in" for _, completion, _ in rows],
        log_metric=metrics.__setitem__,
        trainer_state=None,
    )
    return values, metrics


def test_each_completion_goes_to_its_own_task_and_answer(tasks: Mapping[str, Task]) -> None:
    """Rewards come in the order of the rows; metrics are kept by task.

    By hand: `even` earns 1, 0.5, 0 and 0, so 0.375 on average, which is (0.375 - 0.5) / 0.5 = -0.25
    over a floor of 0.5; one of its answers had not the form of one; its second group is all zeros.
    """
    rows = [
        ("even", "22", "22"),
        ("even", "23", "22"),
        ("odd", "1", "1"),
        ("odd", "1", "1"),
        ("even", "5", "22"),
        ("even", "none", "22"),
    ]
    values, metrics = grade(tasks, rows)
    assert values == [1.0, 0.5, 1.0, 1.0, 0.0, 0.0]
    assert metrics == {
        "difficulty/even": 0.5,
        "difficulty/odd": 0.5,
        "substituted/even": 0.0,
        "substituted/odd": 0.0,
        "floor/even": 0.5,
        "floor/odd": 0.0,
        "reward/even": 0.375,
        "normalised/even": -0.25,
        "parse_failures/even": 0.25,
        "zero_variance/even": 0.5,
        "reward/odd": 1.0,
        "normalised/odd": 1.0,
        "parse_failures/odd": 0.0,
        "zero_variance/odd": 1.0,
    }


def test_a_bug_in_a_reward_is_not_a_zero(tasks: Mapping[str, Task]) -> None:
    """What a reward raises ends the step with an error that names the plugin and the answer."""
    with pytest.raises(PluginError, match=r"'even'.*'reward'.*completion 'bug'.*KeyError"):
        grade(tasks, [("even", "bug", "22"), ("even", "22", "22")])


def test_rewards_take_whatever_trl_adds(tasks: Mapping[str, Task]) -> None:
    """Keywords of other versions of TRL are passed over."""
    arguments: dict[str, Any] = {"completion_ids": [[1], [2]], "environments": None}
    reward = TaskReward(tasks, Floors({"even": {0.5: 0.5}}), num_generations=2)
    assert reward(
        completions=[[{"content": "22"}], [{"content": "2"}]],
        task=["even", "even"],
        answer=["22", "22"],
        target=[{}, {}],
        difficulty=[0.5, 0.5],
        context=["", ""],
        substituted=[False, False],
        log_metric=lambda *_: None,
        **arguments,
    ) == [1.0, 0.5]


def test_questions_that_stood_in_are_counted(tasks: Mapping[str, Task]) -> None:
    """One of two groups of its task: a half; and the floor of what was asked stands beside."""
    rows = [
        ("odd", "1", "1"),
        ("odd", "1", "1"),
        ("odd", "stood in", "1"),
        ("odd", "stood in", "1"),
    ]
    _, metrics = grade(tasks, rows)
    assert 0.5 == metrics["substituted/odd"]
    assert 0.0 == metrics["floor/odd"]
