"""Which of a dataset's questions a run trains on, and what they are worth without the video."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING

from videossr import ConfigError
from videossr.build import floors_of
from videossr.errors import Mistake
from videossr_trainers.modifiers import entries_around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.config import RunConfig
    from videossr.dataset import Dataset, Recipe
    from videossr.floors import Floors
    from videossr.render import Renderer


def chosen_recipes(config: RunConfig, dataset: Dataset) -> tuple[Recipe, ...]:
    """The dataset's recipes of the tasks that the configuration enables.

    Raises:
        ConfigError: the configuration asks for tasks, settings or frames that the dataset was not
            built with; every difference is listed.
    """
    tree, built = config.tree(), dataset.config
    mistakes = [
        Mistake(f"video.{key}", f"{value!r} here, {built['video'].get(key)!r} in the dataset")
        for key, value in tree["video"].items()
        if value != built["video"].get(key)
    ]
    for name, settings in tree["tasks"].items():
        if name not in dataset.tasks:
            right = f"the dataset has {', '.join(dataset.tasks)}"
            mistakes.append(Mistake(f"tasks.{name}", "is not in the dataset", right))
            continue
        theirs = built["tasks"][name]
        follows = config.tasks[name].task.follows_rewards
        changeable = {"weight", "difficulty"} if follows else {"weight"}
        mistakes += [
            Mistake(f"tasks.{name}.{key}", f"{value!r} here, {theirs.get(key)!r} in the dataset")
            for key, value in settings.items()
            if key not in changeable and value != theirs.get(key)
        ]
    if mistakes:
        advice = "the dataset was built otherwise; build it again with this configuration"
        raise ConfigError(mistakes, advice)
    return tuple(recipe for recipe in dataset.recipes if recipe.task in config.tasks)


def mixture(config: RunConfig, dataset: Dataset) -> dict[str, float] | None:
    """The weights of the run's tasks where they are not those that the dataset was built with.

    None where each is the same multiple of the dataset's own, so that the dataset has as many questions
    of each task as the run wants.
    """
    weights = {name: weighted.weight for name, weighted in config.tasks.items()}
    built = dataset.config["tasks"]
    ratios = [weight / built[name]["weight"] for name, weight in weights.items()]
    same = all(isclose(ratio, ratios[0], rel_tol=1e-6) for ratio in ratios)
    return None if same else weights


def current_floors(
    config: RunConfig, dataset: Dataset, recipes: Sequence[Recipe], renderer: Renderer
) -> Floors:
    """The blind floors under the run's own modifiers: a stricter reward has a lower floor.

    A task whose difficulty follows the rewards needs those of all levels.
    """
    now, then = config.tree(), dataset.config
    same = all(
        [*entries_around(name, now).items()] == [*entries_around(name, then).items()]
        for name in config.tasks
    )
    follows = any(weighted.task.follows_rewards for weighted in config.tasks.values())
    if same and not follows:
        return dataset.header.floors
    return floors_of(config, recipes, renderer)
