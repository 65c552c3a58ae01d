"""Recipes that nobody renders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossr.dataset import Dataset, Header, Recipe
from videossr.floors import Floors

if TYPE_CHECKING:
    from videossr.config import RunConfig

#: One with something in every field, and what files may spoil.
RECIPE = Recipe(
    task="pick",
    plugin="pick",
    plugin_version="1",
    settings="5" * 32,
    index=0,
    video="deep/é b.mp4",
    video_hash="0" * 32,
    donor="other.mp4",
    donor_hash="1" * 32,
    start=0.0,
    stop=1.0 / 3.0,
    num_frames=8,
    clip="c" * 32,
    difficulty=0.5,
    seed=2**64 - 1,
    question="Which digit?\n§",
    answer="4",
    digest="f" * 32,
)


def plain_recipe(task: str, index: int, **facts: Any) -> Recipe:  # noqa: ANN401 - those of a recipe
    """A recipe of a task with these facts, and the rest made up."""
    made_up = {
        "plugin": task,
        "plugin_version": "1",
        "settings": "",
        "video": "a.mp4",
        "video_hash": "0" * 32,
        "donor": "",
        "donor_hash": "",
        "start": 0.0,
        "stop": 1.0,
        "num_frames": 16,
        "clip": "",
        "difficulty": 0.5,
        "seed": 1,
        "question": "?",
        "answer": "1",
        "digest": f"{index}",
    }
    return Recipe(task=task, index=index, **{**made_up, **facts})


def dataset_for(config: RunConfig) -> Dataset:
    """A dataset as a build with this configuration would make it, with two questions a task."""
    recipes = tuple(plain_recipe(task, index) for task in config.tasks for index in range(2))
    floors = Floors({task: {0.5: 0.5} for task in config.tasks})
    return Dataset(recipes, Header(Path("videos"), config.tree(), {}, floors))
