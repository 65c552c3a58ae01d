"""A dataset of recipes as the trainers read it: rendered when a row is asked for, once a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datasets import Dataset as Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.dataset import Recipe
    from videossr.render import Renderer


def training_table(recipes: Sequence[Recipe], renderer: Renderer) -> Table:
    """A table with one row for each recipe, which renders on access.

    Columns: `prompt` (a place for TRL's own), `sample`, `task`, `answer`, `target`, `difficulty`. Rows
    that are asked for together and are the same question carry the same sample object.
    """
    rows = _Rows(recipes, renderer)
    table: Table = Table.from_dict({"number": list(range(len(recipes)))})
    table.set_transform(rows)
    return table


class _Rows:
    def __init__(self, recipes: Sequence[Recipe], renderer: Renderer) -> None:
        self.recipes = recipes
        self.renderer = renderer

    def __call__(self, batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        numbers = batch["number"]
        samples = {i: self.renderer.render(self.recipes[i]) for i in dict.fromkeys(numbers)}
        return {
            "prompt": [[{"role": "user", "content": samples[i].question}] for i in numbers],
            "sample": [samples[i] for i in numbers],
            "task": [self.recipes[i].task for i in numbers],
            "answer": [samples[i].answer for i in numbers],
            "target": [dict(samples[i].target) for i in numbers],
            "difficulty": [self.recipes[i].difficulty for i in numbers],
        }
