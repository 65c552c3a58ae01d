"""Rewards of mixed tasks, and the curves by task and level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from plain_recipes import plain_recipe
from toy_tasks import FLOORS, exact_tasks

from videossr import Clip, PluginError, Sample
from videossr.sample import question_prompt
from videossr_trainers.rollouts.curves import curves, tasks_with_levels
from videossr_trainers.rollouts.rewards import TaskReward

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr.facades import Task
    from videossr_trainers.rollouts.groups import GradedGroup


@pytest.fixture
def tasks() -> dict[str, Task]:
    """Two tasks of the same plugin class."""
    return exact_tasks()


def grade(
    tasks: Mapping[str, Task],
    rows: list[tuple[str, str, str]],
    *,
    difficulties: list[float] | None = None,
    **more: Any,  # noqa: ANN401 - whatever TRL passes
) -> tuple[list[float], list[GradedGroup]]:
    """Rewards and groups of rows (task, completion, answer), two to a group; a token for each letter."""
    reward = TaskReward(tasks, num_generations=2)
    levels = difficulties or [0.5] * (len(rows) // 2)
    clip = Clip(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.arange(2).double())
    values = reward(
        completions=[[{"role": "assistant", "content": completion}] for _, completion, _ in rows],
        completion_ids=[[1] * len(completion) for _, completion, _ in rows],
        recipe=[plain_recipe(row[0], i, difficulty=levels[i // 2]) for i, row in enumerate(rows)],
        sample=[Sample(question_prompt(None, "?"), (clip,), answer) for _, _, answer in rows],
        substituted=[completion == "stood in" for _, completion, _ in rows],
        log_metric=lambda *_: None,
        trainer_state=None,
        **more,
    )
    groups, samples = reward.take_graded()
    assert [group.answer for group in groups] == [sample.answer for sample in samples]
    assert ([], []) == reward.take_graded()
    return values, groups


def test_each_completion_goes_to_its_own_task_and_answer(tasks: Mapping[str, Task]) -> None:
    """Rewards come in the order of the rows; figures are kept by task.

    By hand: `even` earns 1, 0.5, 0 and 0, so 0.375 on average, which is (0.375 - 0.5) / 0.5 = -0.25
    over a floor of 0.5; one of its answers had not the form of one; its second group is all zeros; the
    standard deviation of 1 and 0.5 is 0.5 / sqrt 2, half of that on average over its groups; its
    answers have 2, 2, 1 and 4 letters.
    """
    rows = [
        ("even", "22", "22"),
        ("even", "23", "22"),
        ("odd", "1", "1"),
        ("odd", "1", "1"),
        ("even", "5", "22"),
        ("even", "none", "22"),
    ]
    values, groups = grade(tasks, rows)
    assert values == [1.0, 0.5, 1.0, 1.0, 0.0, 0.0]
    assert {
        "difficulty/even": 0.5,
        "difficulty/odd": 0.5,
        "substituted/even": 0.0,
        "substituted/odd": 0.0,
        "floor/even": 0.5,
        "floor/odd": 0.0,
        "reward/even": 0.375,
        "reward_std/even": pytest.approx(0.25 / 2**0.5),
        "normalised/even": -0.25,
        "parse_failures/even": 0.25,
        "zero_variance/even": 0.5,
        "length/even": 2.25,
        "reward/odd": 1.0,
        "reward_std/odd": 0.0,
        "normalised/odd": 1.0,
        "parse_failures/odd": 0.0,
        "zero_variance/odd": 1.0,
        "length/odd": 1.0,
    } == curves(groups, FLOORS)


def test_levels_have_curves_of_their_own(tasks: Mapping[str, Task]) -> None:
    """By hand: at 0.24 and 0.18, both called 0.2, rewards of 1 and 0.5; at 0.5 of 0. The floor is a half."""
    rows = [("even", answer, "22") for answer in ("22", "22", "23", "23", "5", "5")]
    _, groups = grade(tasks, rows, difficulties=[0.24, 0.18, 0.5])
    found = curves(groups, FLOORS, {"even"})
    assert 0.75 == found["reward/even/0.2"]
    assert 0.5 == found["normalised/even/0.2"]
    assert 0.0 == found["reward/even/0.5"]
    assert 0.5 == found["reward/even"]
    assert {"reward", "reward_std", "normalised", "zero_variance", "parse_failures", "length"} == {
        name.split("/")[0] for name in found if name.endswith("/0.2")
    }
    assert not any("0.2" in name for name in curves(groups, FLOORS))


def test_a_task_of_one_level_has_no_curves_by_level(tasks: Mapping[str, Task]) -> None:
    """They would say the same twice."""
    recipes = [plain_recipe("odd", i) for i in range(3)]
    recipes += [plain_recipe("even", i, difficulty=i / 2) for i in range(3)]
    assert {"even"} == tasks_with_levels(recipes, tasks)


def test_a_bug_in_a_reward_is_not_a_zero(tasks: Mapping[str, Task]) -> None:
    """What a reward raises ends the step with an error that names the plugin and the answer."""
    with pytest.raises(PluginError, match=r"'even'.*'reward'.*completion 'bug'.*KeyError"):
        grade(tasks, [("even", "bug", "22"), ("even", "22", "22")])


def test_rewards_take_whatever_trl_adds(tasks: Mapping[str, Task]) -> None:
    """Keywords of other versions of TRL are passed over."""
    values, _ = grade(tasks, [("even", "22", "22"), ("even", "2", "22")], environments=None)
    assert [1.0, 0.5] == values


def test_questions_that_stood_in_are_counted(tasks: Mapping[str, Task]) -> None:
    """One of two groups of its task: a half."""
    rows = [
        ("odd", "1", "1"),
        ("odd", "1", "1"),
        ("odd", "stood in", "1"),
        ("odd", "stood in", "1"),
    ]
    assert 0.5 == curves(grade(tasks, rows)[1], FLOORS)["substituted/odd"]
