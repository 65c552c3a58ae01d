"""A dataset of recipes as the trainers read it: rendered when a row is asked for, once a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datasets import Dataset as Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.dataset import Recipe
    from videossr.render import Renderer
    from videossr_trainers.order import Key


def training_table(recipes: Sequence[Recipe], renderer: Renderer) -> Table:
    """A table with one row for each recipe, which renders on access; for trainers that want a table.

    Columns: `prompt` (a place for TRL's own), `sample`, `task`, `answer`, `target`, `difficulty`,
    `context`. Rows that are asked for together and are the same question carry the same sample object.
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
        recipe = self.recipes[number]
        if difficulty is None:
            sample = self.renderer.render(recipe)
        else:
            sample, recipe = self.renderer.at_difficulty(recipe, difficulty)
        return {
            "prompt": [{"role": "user", "content": sample.question}],
            "sample": sample,
            "task": recipe.task,
            "answer": sample.answer,
            "target": dict(sample.target),
            "difficulty": recipe.difficulty,
            "context": recipe.context,
        }
