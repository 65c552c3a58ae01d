"""Which questions are exported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from exports import Partly, exported, sides
from toy_builds import PICK, configured
from toy_plugins import toys

from videossr import Unsuitable
from videossr.build import build
from videossr.errors import ConfigError, DatasetError
from videossr.export.choice import choose
from videossr.render import Renderer
from videossr.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr.dataset import Dataset


def test_sides_are_those_of_the_dataset(
    drawn_videos: Path, drawn_rows: Sequence[Any], tmp_path: Path
) -> None:
    """By the content of the video; a seed that holds out two of five."""
    dataset = build(configured(PICK, size=10), drawn_rows, drawn_videos)
    seed = next(
        seed
        for seed in range(99)
        if 2 == sum(derive_seed(seed, "held out", row.hash) / 2**64 < 0.4 for row in drawn_rows)
    )
    tree = {
        **dataset.config,
        "build": {**dataset.config["build"], "held_out": 0.4, "split_seed": seed},
    }
    dataset = replace(dataset, header=replace(dataset.header, config=tree))
    assert exported(dataset, tmp_path / "both", split="both").questions == {
        "train": 6,
        "held_out": 4,
    }
    for side in ("train", "held_out"):
        rows = pq.read_table(tmp_path / "both" / f"{side}.parquet").to_pylist()
        names = [row["extra_info"]["video"] for row in rows]
        right = [
            r.video for r, own in zip(dataset.recipes, sides(dataset), strict=True) if own == side
        ]
        assert right == names
    assert choose(dataset, "held_out") == (
        {"held_out": [n for n, s in enumerate(sides(dataset)) if s == "held_out"]},
        0,
    )
    assert choose(dataset, "all") == ({"train": [*range(10)]}, 0)
    held = next(
        r for r, side in zip(dataset.recipes, sides(dataset), strict=True) if side == "held_out"
    )
    recipes = tuple(
        replace(r, donor=held.video, donor_hash=held.video_hash) for r in dataset.recipes
    )
    borrowing = replace(dataset, recipes=recipes)
    assert (["held_out"], 6) == ([*choose(borrowing)[0]], choose(borrowing)[1])
    with pytest.raises(
        ConfigError, match="--split: train, and the dataset has 0 on the side train"
    ):
        choose(borrowing, "train")


def test_fewer_questions_are_spread_over_tasks_and_difficulties(toy_dataset: Dataset) -> None:
    """Four of `pick` and eight of `halves`, whose difficulty grows with the index: a half of each."""
    chosen, _ = choose(toy_dataset, "all", 6)
    picked = [toy_dataset.recipes[number] for number in chosen["train"]]
    assert ["pick"] * 2 + ["halves"] * 4 == sorted((r.task for r in picked), reverse=True)
    assert [0, 2] == [r.index for r in picked if r.task == "pick"]
    assert [0, 2, 4, 6] == [r.index for r in picked if r.task == "halves"]
    assert choose(toy_dataset, "all", 99) == choose(toy_dataset, "all")


def test_planned_questions_that_do_not_hold_are_left_out_and_told(
    toy_dataset: Dataset, tmp_path: Path
) -> None:
    """Counted by their reason; with none left it is an error."""
    planned = replace(
        toy_dataset, recipes=tuple(replace(r, digest="") for r in toy_dataset.recipes)
    )
    renderer = Renderer.for_dataset(planned, registry=toys())
    for number in (9, 0):
        partly: Any = Partly(renderer, number, Unsuitable("too short"))
        if number:
            done = exported(planned, tmp_path / "some", renderer=partly)
            assert ({"train": 9}, {"too short": 3}) == (done.questions, done.left_out)
            assert "- too short (3)" in (tmp_path / "some" / "README.md").read_text()
        else:
            with pytest.raises(DatasetError, match="no question of the dataset holds: too short"):
                exported(planned, tmp_path / "none", renderer=partly)
