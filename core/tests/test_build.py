"""Building a dataset with toy tasks, on videos drawn by code."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_builds import PICK, configured
from toy_plugins import Pick, registry_of

from videossr.build import build, shares
from videossr.dataset import Dataset
from videossr.engine import Local
from videossr.render import Renderer
from videossr.video import hash_file

if TYPE_CHECKING:
    from videossr.dataset import Recipe
    from videossr.video_table import VideoRow

# The same again


@pytest.mark.parametrize("workers", [2, 4])
def test_the_number_of_workers_leaves_no_trace(
    drawn_videos: Path, drawn_rows: list[VideoRow], toy_dataset: Dataset, workers: int
) -> None:
    """Equal recipes, pixels included, in the same order."""
    assert toy_dataset == build(configured(), drawn_rows, drawn_videos, engine=Local(workers))


def test_the_order_of_the_table_leaves_no_trace(
    drawn_videos: Path, drawn_rows: list[VideoRow], toy_dataset: Dataset
) -> None:
    """Rows come in any order."""
    assert toy_dataset == build(configured(), reversed(drawn_rows), drawn_videos)


def test_another_process_makes_the_same_bytes(
    drawn_videos: Path, toy_dataset: Dataset, tmp_path: Path
) -> None:
    """With another hash seed of Python, and more workers."""
    code = (
        "import sys, pathlib\n"
        "from toy_builds import configured\n"
        "from videossr.build import build\n"
        "from videossr.engine import Local\n"
        "from videossr.scan import scan\n"
        "folder, output = map(pathlib.Path, sys.argv[1:])\n"
        "build(configured(), scan(folder), folder, engine=Local(3)).save(output)"
    )
    known = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(known), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code, str(drawn_videos), str(tmp_path / "theirs")]
    subprocess.run(command, check=True, env=env)
    toy_dataset.save(tmp_path / "ours")
    ours, theirs = (tmp_path / name / "recipes.parquet" for name in ("ours", "theirs"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert toy_dataset == Dataset.load(tmp_path / "theirs")


def test_another_root_seed_makes_other_questions(
    drawn_videos: Path, drawn_rows: list[VideoRow], toy_dataset: Dataset
) -> None:
    """No seed in common."""
    other = build(configured(seed=2), drawn_rows, drawn_videos)
    assert set() == seeds(toy_dataset.recipes) & seeds(other.recipes)
    assert 12 == len(seeds(toy_dataset.recipes))


def seeds(recipes: tuple[Recipe, ...]) -> set[int]:
    """The seeds of recipes."""
    return {recipe.seed for recipe in recipes}


def test_a_video_that_comes_back_gets_another_seed(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """Twelve questions of one difficulty on five videos."""
    recipes = build(configured(PICK), drawn_rows, drawn_videos).recipes
    assert (5, 12) == (len({recipe.video for recipe in recipes}), len(seeds(recipes)))


# What is in it


def test_a_dataset_says_where_it_comes_from(drawn_videos: Path, toy_dataset: Dataset) -> None:
    """Configuration, plugins with the perturbations that tasks draw from, floors, root."""
    assert drawn_videos == toy_dataset.root
    assert configured().tree() == toy_dataset.config
    assert {"pick": "1", "halves": "7", "dim": "1", "upend": "1"} == {
        name: plugin["plugin_version"] for name, plugin in toy_dataset.plugins.items()
    }
    assert {"pick", "halves"} == set(toy_dataset.floors)
    assert ({}, {}) == (toy_dataset.header.left_out, toy_dataset.header.broken)


def test_videos_are_asked_about_evenly(drawn_rows: list[VideoRow], toy_dataset: Dataset) -> None:
    """12 questions on 5 videos: two or three each, over both tasks, and of a task one or two."""
    asked = Counter(recipe.video for recipe in toy_dataset.recipes)
    assert [2, 2, 2, 3, 3] == sorted(asked.values())
    assert {row.path for row in drawn_rows} == set(asked)
    assert {1, 2} == set(Counter(recipe.video for recipe in toy_dataset.of_task("halves")).values())
    hashes = {row.path: row.hash for row in drawn_rows}
    assert [] == [r for r in toy_dataset.recipes if hashes[r.video] != r.video_hash]


def test_each_video_is_asked_about_once_where_there_are_enough(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """Five questions of two tasks on five videos."""
    recipes = build(configured(size=5), drawn_rows, drawn_videos).recipes
    assert 5 == len({recipe.video for recipe in recipes})


def test_the_schedule_sets_the_difficulty(toy_dataset: Dataset) -> None:
    """The eight questions of the task that asks for its progress, and the constant of the other."""
    assert [i / 8 for i in range(8)] == [r.difficulty for r in toy_dataset.of_task("halves")]
    assert {0.5} == {recipe.difficulty for recipe in toy_dataset.of_task("pick")}


def test_windows_lie_where_the_recipe_says(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """Eight frames, an eighth of a second apart, rendered at those times."""
    config = configured(PICK, size=3, spacing=0.125)
    dataset = build(config, drawn_rows, drawn_videos)
    renderer = Renderer(config, drawn_videos)
    for recipe in dataset.recipes:
        assert 7 * 0.125 == pytest.approx(recipe.stop - recipe.start)
        (clip,) = renderer.render(recipe).clips
        # the frame on screen is at most an eighth of a second old, at 8 frames a second
        assert 0 <= recipe.start - float(clip.times[0]) + 1e-6 < 0.125 + 2e-6
        assert 8 == len(clip)


def test_progress_counts_the_questions(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """One call for each, in order, whatever the number of workers."""
    calls: list[tuple[int, int]] = []
    config = configured(PICK, size=3)
    build(
        config, drawn_rows, drawn_videos, engine=Local(2), progress=lambda *call: calls.append(call)
    )
    assert [(1, 3), (2, 3), (3, 3)] == calls


def test_sources_are_left_as_they_are(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """Bytes and times of writing, and no file beside them."""

    def state() -> dict[str, tuple[str, int]]:
        files = sorted(drawn_videos.iterdir())
        return {file.name: (hash_file(file), file.stat().st_mtime_ns) for file in files}

    before = state()
    config = configured()
    renderer = Renderer(config, drawn_videos)
    for recipe in build(config, drawn_rows, drawn_videos).recipes:
        renderer.render(recipe)
    assert before == state()
    assert 5 == len(before)


# Shares


def shared(size: int, **weights: float) -> dict[str, int]:
    """How many questions each task gets."""
    registry = registry_of(**{name: Pick() for name in weights})
    tasks = {name: {"weight": weight} for name, weight in weights.items()}
    return shares(configured(tasks, size=size, registry=registry))


@pytest.mark.parametrize(
    ("size", "weights", "expected"),
    [
        # 10/3 each: three whole ones each, the one that is left goes by name
        (10, {"c": 1, "b": 1, "a": 1}, {"c": 3, "b": 3, "a": 4}),
        # 3.2, 1.6 and 3.2: the largest remainder is b's
        (8, {"a": 0.4, "b": 0.2, "c": 0.4}, {"a": 3, "b": 2, "c": 3}),
        # 1.75 and 5.25
        (7, {"a": 1, "b": 3}, {"a": 2, "b": 5}),
        # 0.001 and 0.999 of one question
        (1, {"a": 1, "b": 999}, {"a": 0, "b": 1}),
        (30_000, {"a": 0.4, "b": 0.2, "c": 0.4}, {"a": 12_000, "b": 6_000, "c": 12_000}),
        (3, {"a": 1e308, "b": 1e308}, {"a": 2, "b": 1}),
    ],
)
def test_questions_are_shared_by_largest_remainder(
    size: int, weights: dict[str, float], expected: dict[str, int]
) -> None:
    """Worked out by hand."""
    assert expected == shared(size, **weights)


@given(st.integers(1, 1000), st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5))
def test_shares_add_up(size: int, weights: list[float]) -> None:
    """To the size, and each is its exact share rounded up or down."""
    found = shared(size, **{f"t{i}": weight for i, weight in enumerate(weights)})
    assert size == sum(found.values())
    for i, weight in enumerate(weights):
        exact = size * weight / math.fsum(weights)
        assert exact - 1 - 1e-6 < found[f"t{i}"] < exact + 1 + 1e-6
