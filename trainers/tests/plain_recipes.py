"""Recipes that nobody renders."""

from __future__ import annotations

from typing import Any

from videossr.dataset import Recipe


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
