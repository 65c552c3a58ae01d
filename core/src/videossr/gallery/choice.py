"""Which questions of a dataset are shown: some of each task and level, not the first ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from videossr.errors import ConfigError, Mistake, did_you_mean
from videossr.levels import LEVELS
from videossr.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from videossr.dataset import Dataset, Recipe

_BY_LEVEL: Final = {difficulty: name for name, difficulty in LEVELS.items()}


def level_of(difficulty: float) -> str:
    """The name of a level, or of the stretch between two of them, such as `easy to train`."""
    if difficulty in _BY_LEVEL:
        return _BY_LEVEL[difficulty]
    lower, upper = next(
        ends for ends in pairwise(sorted(_BY_LEVEL)) if ends[0] < difficulty < ends[1]
    )
    return f"{_BY_LEVEL[lower]} to {_BY_LEVEL[upper]}"


def choose(
    dataset: Dataset,
    *,
    tasks: Collection[str] | None = None,
    per_group: int = 6,
    limit: int | None = None,
) -> tuple[Recipe, ...]:
    """Some questions of every task and level, spread over the indices and over the videos.

    The choice depends on the recipes alone. Nothing is rendered for it.

    Args:
        tasks: those to choose from; by default all.
        per_group: most questions of one task at one level, or between two levels.
        limit: most questions in all; each task and level gives up as many as the others.

    Returns:
        Recipes by task, in the dataset's order, then by difficulty and index.

    Raises:
        ConfigError: the dataset has no questions of one of the tasks.
    """
    for task in tasks or ():
        if task not in dataset.tasks:
            right = did_you_mean(task, dataset.tasks) or f"it has {', '.join(dataset.tasks)}"
            raise ConfigError(Mistake(f"task {task!r}", "the dataset has no question of it", right))
    groups: dict[tuple[str, str], list[Recipe]] = defaultdict(list)
    for recipe in dataset.recipes:
        if tasks is None or recipe.task in tasks:
            groups[recipe.task, level_of(recipe.difficulty)].append(recipe)
    sizes = _sizes([min(per_group, len(group)) for group in groups.values()], limit)
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    chosen: list[Recipe] = []
    for (task, _), size in zip(groups, sizes, strict=True):
        chosen += _spread(groups[task, _], size, seen[task])
    order = {task: number for number, task in enumerate(dataset.tasks)}
    return tuple(
        sorted(chosen, key=lambda recipe: (order[recipe.task], recipe.difficulty, recipe.index))
    )


def _sizes(wanted: Sequence[int], limit: int | None) -> list[int]:
    """How many each group may show, where all together may show `limit`."""
    left = sum(wanted) if limit is None else limit
    sizes = [0] * len(wanted)
    while left > 0 and sizes != list(wanted):
        for group, most in enumerate(wanted):
            if sizes[group] < most and left > 0:
                sizes[group] += 1
                left -= 1
    return sizes


def _spread(group: Sequence[Recipe], size: int, seen: Counter[str]) -> list[Recipe]:
    """One from each of so many equal stretches of indices, of a video that was seen the least."""
    ordered = sorted(group, key=lambda recipe: recipe.index)
    chosen = []
    for number in range(size):
        start, stop = (len(ordered) * end // size for end in (number, number + 1))
        one = min(
            ordered[start:stop],
            key=lambda recipe: (seen[recipe.video], derive_seed("gallery", recipe.seed)),
        )
        seen[one.video] += 1
        chosen.append(one)
    return chosen
