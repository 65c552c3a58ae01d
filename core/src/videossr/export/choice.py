"""Which questions of a dataset are handed over, and on which side of the split each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from videossr.build.split import part_of
from videossr.config import BuildConfig
from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.dataset import Dataset, Recipe

#: The sides, each a file or a split of its own.
SIDES: Final = ("train", "held_out")

#: `both` by the split that the dataset was built with; `all` in one, without a split.
Split = Literal["both", "train", "held_out", "all"]


def choose(
    dataset: Dataset, split: Split = "both", questions: int | None = None
) -> tuple[dict[str, list[int]], int]:
    """The numbers of the recipes of each side, in the dataset's order.

    A question that borrows frames from a video of the other side is on neither.

    Args:
        split: the sides that are wanted.
        questions: most of each side; each task gives the share that it has, spread over its questions, since
            their difficulty may follow their order. By default all.

    Returns:
        The recipes by side, sides without any left out, and how many are on neither.

    Raises:
        ConfigError: none is left.
    """
    sides: dict[str, list[int]] = {"train" if split == "all" else side: [] for side in SIDES}
    config = BuildConfig.model_validate(dataset.config["build"])
    neither = 0
    for number, recipe in enumerate(dataset.recipes):
        side = "train" if split == "all" else _side(recipe, config)
        if side is None:
            neither += 1
        else:
            sides[side].append(number)
    wanted = {side: some for side, some in sides.items() if some and split in (side, "both", "all")}
    if not wanted:
        there = " and ".join(f"{len(some)} on the side {side}" for side, some in sides.items())
        raise ConfigError(Mistake("--split", f"{split}, and the dataset has {there or 'none'}"))
    if questions is not None:
        wanted = {side: _spread(dataset, some, questions) for side, some in wanted.items()}
    return wanted, neither


def _side(recipe: Recipe, config: BuildConfig) -> str | None:
    """The side of a question; None where its two videos are on different ones."""
    side = part_of(recipe.video_hash, config)
    if recipe.donor_hash and part_of(recipe.donor_hash, config) != side:
        return None
    return side


def _spread(dataset: Dataset, numbers: Sequence[int], most: int) -> list[int]:
    """As many as there may be, from each task by its share, at even distances."""
    by_task: dict[str, list[int]] = {}
    for number in numbers:
        by_task.setdefault(dataset.recipes[number].task, []).append(number)
    total, taken, chosen = len(numbers), 0, []
    most, done = min(most, total), 0
    for some in by_task.values():
        done += len(some)
        size = done * most // total - taken  # so that the shares add up
        taken += size
        chosen += [some[i * len(some) // size] for i in range(size)]
    return sorted(chosen)
