"""Difficulty that follows the rewards through a real training, and through a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from digits_run import dataset_of, trainer_of, write_config
from small_runs import DIGITS

from videossr.config import load_config
from videossr.render import Renderer
from videossr_trainers.questions.difficulty import FollowRewards

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.engine.grpo import VideoGRPOTrainer

#: Too narrow a band to stay in, so that the difficulty moves with every window of two groups.
CONFIG = """
extends: tiny
plugins: {folders: [loose]}
video: {num_frames: 4, min_frames: 4}
build: {size: 16, refill: true}
tasks:
  anomaly: {enabled: false}
  counting: {enabled: false}
  jigsaw: {enabled: false}
  digits: {difficulty: {kind: adaptive, window: 2, step: 0.1, target: [0.5, 0.6]}}
warm_start: {steps: 0}
grpo:
  questions_per_step: 2
  questions_per_device: 1
  num_generations: 2
  max_completion_length: 4
  max_steps: 6
  save_steps: 3
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, a loose plugin, and videos."""
    return write_config(tmp_path_factory.mktemp("adaptive"), CONFIG, DIGITS)


def trail(trainer: VideoGRPOTrainer) -> Any:  # noqa: ANN401 - plain JSON values
    """What the trainer's checkpoints would hold of the difficulty."""
    found = [c for c in trainer.callback_handler.callbacks if isinstance(c, FollowRewards)]
    return found[0].trail.state()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_training_asks_what_the_other_would_have_asked(
    source: Path, tmp_path: Path, workers: int
) -> None:
    """After a checkpoint halfway, the difficulties of all six steps are the same."""
    override = f"grpo.loader_workers={workers}"
    whole = trainer_of(source, tmp_path / "whole", override)
    whole.train()
    first = trainer_of(source, tmp_path / "halves", override)
    first.train()
    resumed = trainer_of(source, tmp_path / "halves", override)
    resumed.train(resume_from_checkpoint=str(tmp_path / "halves/checkpoints/checkpoint-3"))
    levels = [step["digits"] for step in trail(whole)["trail"]]
    assert len(levels) == 7
    assert len(set(levels)) > 2
    assert trail(resumed) == trail(whole)


def test_the_questions_follow_with_a_fixed_lag(source: Path, tmp_path: Path) -> None:
    """Without loader processes the next step's questions are drawn up before the rewards of this one."""
    trainer = trainer_of(source, tmp_path / "run", "grpo.loader_workers=0")
    trainer.train()
    asked = [
        entry["difficulty/digits"]
        for entry in trainer.state.log_history
        if "difficulty/digits" in entry
    ]
    levels = [step["digits"] for step in trail(trainer)["trail"]]
    assert asked == pytest.approx([levels[0], *levels[:5]])


def test_a_dataset_may_have_been_built_at_another_difficulty(source: Path) -> None:
    """Where the difficulty follows the rewards, questions are made anew at the one that is wanted."""
    config = load_config(source)
    dataset = dataset_of(config, source.parent / "videos")
    renderer = Renderer.for_dataset(dataset, run=config)
    recipe = dataset.recipes[0]
    sample, moved = renderer.at_difficulty(recipe, 0.25)
    assert (sample.question, moved.difficulty) == ("Level 0.25", 0.25)
    harder = load_config(source, ["tasks.digits.difficulty=0.25"])
    assert dataset_of(harder, source.parent / "videos").recipes[0] == moved
