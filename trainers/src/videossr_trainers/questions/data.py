"""A dataset of recipes as the trainers read it: rendered when a row is asked for, once a group."""

from __future__ import annotations

import warnings
from collections import defaultdict
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from datasets import Dataset as Table
from torch.utils.data import get_worker_info

from videossr import DatasetError, Unsuitable, VideoError, VideossrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from videossr.dataset import Recipe
    from videossr.render import Renderer
    from videossr.sample import Sample
    from videossr_trainers.questions.order import Key

#: Questions that are tried for one that was only planned and turns out not to hold, itself included.
_SUBSTITUTES: Final = 64

#: Questions of a task that are made to see how they read, where all were only planned.
_READ: Final = 64

#: A video that is another file by now: the folder is wrong, and nothing stands in for its questions.
OTHER_FILE: Final = "changed"

#: Key of the error in a row, or a batch, that a loader's process could not make.
FAILURE: Final = "failure"


def training_table(recipes: Sequence[Recipe], renderer: Renderer) -> Table:
    """A table with one row for each recipe, which renders on access; for trainers that want a table.

    Columns: `prompt` (a place for TRL's own), `sample`, `recipe` and its `name`, those of the question really
    asked, `substituted`, `lost`, `lost_reason`. Rows that are asked for together and are the same question
    carry the same sample object. What a loader's process cannot make is a row with `FAILURE` alone.
    """
    questions = Questions(recipes, renderer)
    table: Table = Table.from_dict({"number": list(range(len(recipes)))})

    def rows(batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        made = _or_failure(
            lambda: questions.rows([(number, None) for number in batch["number"]]),
            len(batch["number"]),
        )
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
        wanted = [(key.number, key.difficulty) for key in keys if key.shown]
        shown = iter(_or_failure(lambda: self.rows(wanted), len(wanted)))
        return [next(shown) if key.shown else {} for key in keys]

    def rows(self, wanted: Sequence[tuple[int, float | None]]) -> list[dict[str, Any]]:
        """Rows by number and difficulty; None for the recipe's own."""
        made = {one: self._row(*one) for one in dict.fromkeys(wanted)}
        return [made[one] for one in wanted]

    def _row(self, number: int, difficulty: float | None) -> dict[str, Any]:
        asked = self.recipes[number]
        sample, recipe, lost = self._render(number, difficulty)
        return {
            "prompt": [{"role": "user", "content": sample.question}],
            "sample": sample,
            "recipe": recipe,
            "name": recipe.name,
            "substituted": (recipe.task, recipe.index) != (asked.task, asked.index),
            "lost": asked.name if lost else "",
            "lost_reason": lost,
        }

    def _render(self, number: int, difficulty: float | None) -> tuple[Sample, Recipe, str]:
        """A recipe's sample, or, where none can be made, that of the next of its task.

        That is so of a recipe that was only planned and does not hold, and of one whose video cannot be
        read any more; the reason of the latter is returned too. What renders otherwise than it did, or
        from another file, is an error.
        """
        asked = self.recipes[number]
        lost = ""
        count = len(self.recipes)
        following = (self.recipes[place % count] for place in range(number, number + count))
        of_task = (recipe for recipe in following if recipe.task == asked.task)
        tried = 0
        for tried, recipe in enumerate(islice(of_task, _SUBSTITUTES)):  # noqa: B007 - counted
            wanted = recipe.difficulty if difficulty is None else difficulty
            try:
                return *self.renderer.at_difficulty(recipe, wanted), lost
            except Unsuitable as error:
                reason = str(error)
            except VideoError as error:
                if error.reason == OTHER_FILE:
                    raise
                reason = str(error)
                lost = lost or (reason if recipe is asked else "")
            warnings.warn(f"{recipe.name}: {reason}; the next is asked instead", stacklevel=2)
        right = "bring the videos back" if lost else "build the dataset with build.check=true"
        raise DatasetError(
            f"{asked.name}: neither it nor the {tried} after it makes a question; {right}"
        )


def texts_of(recipes: Iterable[Recipe], renderer: Renderer) -> Iterator[str]:
    """The questions as they read; of those that were only planned, some of each task, which are made for it."""
    planned: dict[str, list[Recipe]] = defaultdict(list)
    for recipe in recipes:
        if recipe.checked:
            yield recipe.question
        else:
            planned[recipe.task].append(recipe)
    for of_task in planned.values():
        for recipe in of_task[:: max(1, len(of_task) // _READ)]:
            with suppress(Unsuitable, VideoError):
                yield renderer.make(recipe).question


def raise_failure(batch: Any) -> Any:  # noqa: ANN401 - what a loader gives
    """The batch as it is, or the error that a loader's process met.

    torch would raise another one, with a traceback for its message and none of its attributes.
    """
    first = batch[0] if isinstance(batch, list) and batch else batch
    if isinstance(first, dict) and FAILURE in first:
        raise first[FAILURE]
    return batch


def _or_failure(make: Callable[[], list[dict[str, Any]]], rows: int) -> list[dict[str, Any]]:
    """What is made; in a loader's process, as many rows with the error where there was one."""
    try:
        return make()
    except VideossrError as error:
        if get_worker_info() is None:
            raise
        return [{FAILURE: error}] * rows
