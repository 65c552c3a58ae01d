"""The presets: what they build is what is published."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from videossr.build import Plan, shares
from videossr.config import load_config
from videossr.video_table import VideoRow
from videossr_trainers.sections import GrpoSection, ModelSection

if TYPE_CHECKING:
    from collections.abc import Sequence


def rows(count: int) -> Sequence[VideoRow]:
    """Videos of 40 seconds at 25 frames a second that nobody has."""
    facts = {"last": 39.96, "duration": 40.0, "frames": 1000, "fps": 25.0}
    return [
        VideoRow(f"{i:05}.mp4", "ok", hash=f"{i:032x}", height=360, width=640, **facts)  # type: ignore[arg-type]
        for i in range(count)
    ]


@pytest.mark.parametrize("preset", ["videossr_30k", "paper"])
def test_videossr_30k_has_its_shares(preset: str) -> None:
    """12,000 questions of grounding, 12,000 of jigsaw, 6,000 of counting, planned."""
    config = load_config(preset)
    assert {"anomaly": 12_000, "counting": 6_000, "jigsaw": 12_000} == shares(config)
    assert not config.build.check
    assert 6 == config.tasks["jigsaw"].task.config.segments.whole_at(0.5)  # type: ignore[attr-defined]


def test_viubench_has_nine_subtasks_of_300() -> None:
    """Each video once; every question is to be checked."""
    config = load_config("viubench")
    assert [300] * 9 == list(shares(config).values())
    assert config.build.check
    plan = Plan(config, rows(2700), Path("/nowhere"))
    recipes = list(plan.recipes())
    assert 2700 == len({recipe.video for recipe in recipes})
    assert {"anomaly": 1500, "counting": 600, "jigsaw": 600} == Counter(r.plugin for r in recipes)
    assert {"counting_easy": 0.0, "counting_hard": 1.0} == {
        recipe.task: recipe.difficulty for recipe in recipes if recipe.plugin == "counting"
    }
    # 40 s at 2 frames a second are more than 64 frames.
    assert {64} == {recipe.num_frames for recipe in recipes}


def test_paper_has_the_settings_of_the_paper() -> None:
    """Section 4, and the frames of section 3: each number that is published."""
    tree = load_config("paper").tree()
    assert "Qwen/Qwen3-VL-8B-Instruct" == tree["model"]["name"]
    assert {"num_frames": 48, "max_pixels": 256 * 256, "min_pixels": 128 * 128}.items() <= tree[
        "video"
    ].items()
    assert {
        "learning_rate": 1e-6,
        "questions_per_step": 64,
        "num_generations": 8,
        "beta": 1e-3,
        "entropy_bonus": 0.0,
        "temperature": 1.0,
        "epochs": 1,
        "max_prompt_length": 8192,
        "max_completion_length": 2048,
    }.items() <= tree["grpo"].items()
    # All weights, in a type that holds steps so small, by the plain optimizer.
    model = load_config("paper").section(ModelSection)
    assert (None, "float32") == (model.lora, model.weights)
    assert "adamw_torch" == load_config("paper").section(GrpoSection).optimizer
