"""Proof that a held-out split is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from toy_builds import NOWHERE, planned, row
from toy_plugins import toys

from videossr.build import build
from videossr.dataset import Dataset
from videossr.render import Renderer
from videossr.video_table import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from command_line import Ran


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """A folder with the two sides of a split, a dataset of all, and the table."""
    rows = [row(i) for i in range(30)]
    for part in ("train", "held_out", "all"):
        config = planned(part=part, held_out=0.3)
        build(config, rows, NOWHERE).save(tmp_path / part)
    write_table(rows, tmp_path / "videos.parquet", NOWHERE)
    return tmp_path


def test_two_sides_are_proved_disjoint(run: Callable[..., Ran], sides: Path) -> None:
    """With the number of videos of each."""
    ran = run("disjoint", sides / "train", sides / "held_out")
    assert 0 == ran.code
    held_out = {recipe.video for recipe in Dataset.load(sides / "held_out").recipes}
    assert f"{sides / 'held_out'}: {len(held_out)} videos" == ran.out.splitlines()[1]
    assert ran.out.splitlines()[2].startswith("disjoint: ")


def test_a_video_in_common_is_named(run: Callable[..., Ran], sides: Path) -> None:
    """By content: a table of videos has all of them, whatever they are called there."""
    ran = run("disjoint", sides / "train", sides / "videos.parquet", sides / "held_out", "--json")
    assert 1 == ran.code
    told = json.loads(ran.out)
    first, second, third = told["overlaps"]
    assert (12, 30) == (len(first["in_common"]), told["videos"][str(sides / "videos.parquet")])
    assert [] == second["in_common"]
    assert len(third["in_common"]) == told["videos"][str(sides / "held_out")]
    text = run("disjoint", sides / "train", sides / "videos.parquet").out
    assert "not disjoint" in text
    assert "  and 2 more" == text.splitlines()[-1]


def test_one_source_is_no_pair(run: Callable[..., Ran], sides: Path) -> None:
    """Wrong use; nor is the same one twice."""
    twice = run("disjoint", sides / "all", sides / "train" / ".." / "all")
    assert (2, True) == (twice.code, "is given twice; name each once" in twice.err)
    assert (2, "error: ") == ((ran := run("disjoint", sides / "all")).code, ran.err[:7])


def test_a_moved_folder_of_videos_is_given(drawn_videos: Path, sides: Path) -> None:
    """Recipes hold for whoever has the videos."""
    dataset = Dataset.load(sides / "all", root=drawn_videos)
    assert drawn_videos == Renderer.for_dataset(dataset, registry=toys()).root
