"""A dataset of recipes as the trainers read it: rendered when a row is asked for, once a group."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

from datasets import Dataset as Table

from videossr import DatasetError, Unsuitable, VideoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.dataset import Recipe
    from videossr.render import Renderer
    from videossr.sample import Sample
    from videossr_trainers.order import Key

#: Questions that are tried for one that was only planned and turns out not to hold, itself included.
_SUBSTITUTES: Final = 64

#: Faults of the folder of videos rather than of one video: nothing stands in for these.
_OTHER_FILE: Final = ("changed", "unreadable")


def training_table(recipes: Sequence[Recipe], renderer: Renderer) -> Table:
    """A table with one row for each recipe, which renders on access; for trainers that want a table.

    Columns: `prompt` (a place for TRL's own), `sample`, `recipe`, `name`, `task`, `answer`, `target`, `difficulty`,
    `context`, `substituted`. Rows that are asked for together and are the same question carry the same sample object.
    """
    questions = Questions(recipes, renderer)
    table: Table = Table.from_dict({"number": list(range(len(recipes)))})

    def rows(batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        made = questions.rows([(number, None) for number in batch["number"]])
        return {column: [row[column] for row in made] for column in made[0]}

    table.set_transform(rows)
    return table


class Questions:
    """Recipes that are asked for by key: which, and how hard.

    Rows are as in `training_table`.
    """

    def __init__(self, recipes: Sequence[Recipe], renderer: Renderer) -> None:
        self.recipes = recipes
        self.renderer = renderer

    def __len__(self) -> int:
        return len(self.recipes)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        """One row."""
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key]) -> list[dict[str, Any]]:
        """The rows of a batch; those that nobody will look at are empty."""
        shown = iter(self.rows([(key.number, key.difficulty) for key in keys if key.shown]))
        return [next(shown) if key.shown else {} for key in keys]

    def rows(self, wanted: Sequence[tuple[int, float | None]]) -> list[dict[str, Any]]:
        """Rows by number and difficulty; None for the recipe's own."""
        made = {one: self._row(*one) for one in dict.fromkeys(wanted)}
        return [made[one] for one in wanted]

    def _row(self, number: int, difficulty: float | None) -> dict[str, Any]:
        asked = self.recipes[number]
        sample, recipe = self._render(number, difficulty)
        return {
            "prompt": [{"role": "user", "content": sample.question}],
            "sample": sample,
            "recipe": recipe,
            "name": recipe.name,
            "task": recipe.task,
            "answer": sample.answer,
            "target": dict(sample.target),
            "difficulty": recipe.difficulty,
            "context": recipe.context,
            "substituted": (recipe.task, recipe.index) != (asked.task, asked.index),
        }

    def _render(self, number: int, difficulty: float | None) -> tuple[Sample, Recipe]:
        """A recipe's sample; of one that was only planned and does not hold, that of the next of its task."""
        asked = self.recipes[number]
        if asked.checked:
            level = asked.difficulty if difficulty is None else difficulty
            return self.renderer.at_difficulty(asked, level)
        following = [*self.recipes[number:], *self.recipes[:number]]
        of_task = [recipe for recipe in following if recipe.task == asked.task][:_SUBSTITUTES]
        for recipe in of_task:
            wanted = recipe.difficulty if difficulty is None else difficulty
            try:
                return self.renderer.at_difficulty(recipe, wanted)
            except Unsuitable as error:
                reason = str(error)
            except VideoError as error:
                if error.reason in _OTHER_FILE:
                    raise
                reason = str(error)
            warnings.warn(f"{recipe.name}: {reason}; the next is asked instead", stacklevel=2)
        raise DatasetError(
            f"{asked.name}: neither it nor the {len(of_task) - 1} after it makes a question; build the "
            "dataset with build.check=true"
        )
