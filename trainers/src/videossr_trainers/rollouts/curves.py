"""The figures of a step, for each task and level."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from videossr.floors import normalised

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from videossr.dataset import Recipe
    from videossr.facades import Task
    from videossr.floors import Floors
    from videossr_trainers.rollouts.groups import GradedGroup


def level(difficulty: float) -> str:
    """What curves call a difficulty: one decimal, so that a slow change makes eleven curves at most."""
    return f"{difficulty:.1f}"


def tasks_with_levels(recipes: Iterable[Recipe], tasks: Mapping[str, Task]) -> frozenset[str]:
    """The tasks that a run asks at more than one level."""
    levels: dict[str, set[str]] = defaultdict(set)
    for recipe in recipes:
        levels[recipe.task].add(level(recipe.difficulty))
    return frozenset(
        name for name, task in tasks.items() if task.follows_rewards or len(levels[name]) > 1
    )


def curves(
    groups: Sequence[GradedGroup], floors: Floors, with_levels: Collection[str] = ()
) -> dict[str, float]:
    """Means over a step's questions, those of all processes.

    Of a task T: `reward/T`, `reward_std/T` the mean standard deviation within a group, `floor/T` the
    blind floor of what was asked, `normalised/T` the reward with the floor at 0 and a perfect answer at
    1, `zero_variance/T` the share of groups whose answers all score alike and so teach nothing,
    `parse_failures/T` the share of answers without the form of one, `length/T` the tokens of an answer,
    `difficulty/T`, and `substituted/T` the share of questions that stood in for one that could not be
    made. Of a level, such as `reward/T/0.5`, the same but for what does not differ within it.

    Args:
        groups: of all processes.
        floors: the blind floors of the tasks.
        with_levels: tasks whose levels have figures of their own.
    """
    by_task: dict[str, list[GradedGroup]] = defaultdict(list)
    by_level: dict[str, list[GradedGroup]] = defaultdict(list)
    for group in groups:
        task = group.recipe.task
        by_task[task].append(group)
        if task in with_levels:
            by_level[f"{task}/{level(group.recipe.difficulty)}"].append(group)
    found = {}
    for name, some in sorted(by_task.items()):
        found[f"difficulty/{name}"] = fmean(group.recipe.difficulty for group in some)
        found[f"substituted/{name}"] = fmean(group.substituted for group in some)
        found[f"floor/{name}"] = _floor(some, floors)
        found |= _figures(name, some, floors)
    for name, some in sorted(by_level.items()):
        found |= _figures(name, some, floors)
    return found


def _figures(name: str, groups: Sequence[GradedGroup], floors: Floors) -> dict[str, float]:
    answers = [completion for group in groups for completion in group.completions]
    reward = fmean(answer.reward for answer in answers)
    return {
        f"reward/{name}": reward,
        f"reward_std/{name}": fmean(stdev(group.rewards) for group in groups),
        f"normalised/{name}": normalised(reward, _floor(groups, floors)),
        f"zero_variance/{name}": fmean(len(set(group.rewards)) == 1 for group in groups),
        f"parse_failures/{name}": fmean(not answer.parsed for answer in answers),
        f"length/{name}": fmean(len(answer.tokens) for answer in answers),
    }


def _floor(groups: Sequence[GradedGroup], floors: Floors) -> float:
    return floors.mean(groups[0].recipe.task, (group.recipe.difficulty for group in groups))
