"""Which videos two datasets have in common, by content."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from videossr.dataset import Dataset
from videossr.errors import DatasetError
from videossr.video_table import is_table, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videossr.dataset import Recipe


class Overlap(NamedTuple):
    """The videos that two sources have in common, by their names in the first."""

    one: str
    other: str
    videos: tuple[str, ...]


def contents(source: Path) -> dict[str, str]:
    """The videos of a dataset or a video table: a name for each hash of a file's bytes.

    Of a dataset also those that it borrows frames from.

    Raises:
        DatasetError: it is neither, or damaged.
    """
    if is_table(source):
        rows, _ = read_table(source)
        return {row.hash: row.path for row in rows if row.state == "ok"}
    if not source.is_dir():
        raise DatasetError(f"{source}: neither a dataset's folder nor a table from `videossr scan`")
    return contents_of(Dataset.load(source).recipes)


def contents_of(recipes: Sequence[Recipe]) -> dict[str, str]:
    """The videos of recipes, and those that they borrow frames from: a name for each hash."""
    donors = {recipe.donor_hash: recipe.donor for recipe in recipes if recipe.donor}
    return donors | {recipe.video_hash: recipe.video for recipe in recipes}


def overlap(
    one: str, of_one: Mapping[str, str], other: str, of_other: Mapping[str, str]
) -> Overlap:
    """What two sources have in common.

    Args:
        one, other: their names.
        of_one, of_other: their `contents`.
    """
    common = of_one.keys() & of_other.keys()
    return Overlap(one, other, tuple(sorted(of_one[content] for content in common)))
