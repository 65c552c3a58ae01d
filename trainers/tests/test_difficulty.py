"""Difficulty that follows the rewards through a real training, and through a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from videossr.build import build
from videossr.config import RunConfig, load_config
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan
from videossr_trainers.questions.difficulty import FollowRewards
from videossr_trainers.training.train import make_trainer, start_model

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.dataset import Dataset
    from videossr_trainers.engine.grpo import VideoGRPOTrainer

#: A task whose question states its difficulty, and whose reward a model of random weights can move.
PLUGIN = '''
from pydantic import BaseModel
from videossr import Sample, hookimpl
from videossr.sample import question_prompt

class Digits:
    class Config(BaseModel, extra="forbid"):
        """No settings."""

    summary = "Write digits"
    version = "1"

    @hookimpl
    def make_sample(self, clip, difficulty):
        return Sample(question_prompt(None, f"Level {difficulty:g}"), (clip,), "7")

    @hookimpl
    def reward(self, completion):
        return sum(letter.isdigit() for letter in completion) / max(1, len(completion))

plugin = Digits()
'''

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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, a loose plugin, and videos."""
    made = tmp_path_factory.mktemp("adaptive")
    (made / "loose").mkdir()
    (made / "loose" / "digits.py").write_text(PLUGIN)
    (made / "run.yaml").write_text(CONFIG)
    write_videos(made / "videos", 3, seed=1, seconds=2.0, fps=8.0, height=32, width=32)
    return made


def dataset_of(config: RunConfig, folder: Path) -> Dataset:
    """Built in memory."""
    return build(config, scan(folder / "videos"), folder / "videos")


def trainer_of(folder: Path, run: Path, *overrides: str) -> VideoGRPOTrainer:
    """A trainer as `videossr train` makes it."""
    config = load_config(folder / "run.yaml", overrides)
    dataset = dataset_of(config, folder)
    renderer = Renderer.for_dataset(dataset, run=config)

    def silent(*_: object) -> None:
        """Nobody watches."""

    run.mkdir(parents=True, exist_ok=True)
    started = start_model(config, dataset.recipes, renderer, run, silent)
    return make_trainer(config, dataset, dataset.recipes, renderer, started, run, silent)


def trail(trainer: VideoGRPOTrainer) -> Any:  # noqa: ANN401 - plain JSON values
    """What the trainer's checkpoints would hold of the difficulty."""
    found = [c for c in trainer.callback_handler.callbacks if isinstance(c, FollowRewards)]
    return found[0].trail.state()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_training_asks_what_the_other_would_have_asked(
    folder: Path, tmp_path: Path, workers: int
) -> None:
    """After a checkpoint halfway, the difficulties of all six steps are the same."""
    override = f"grpo.loader_workers={workers}"
    whole = trainer_of(folder, tmp_path / "whole", override)
    whole.train()
    first = trainer_of(folder, tmp_path / "halves", override)
    first.train()
    resumed = trainer_of(folder, tmp_path / "halves", override)
    resumed.train(resume_from_checkpoint=str(tmp_path / "halves/checkpoints/checkpoint-3"))
    levels = [step["digits"] for step in trail(whole)["trail"]]
    assert len(levels) == 7
    assert len(set(levels)) > 2
    assert trail(resumed) == trail(whole)


def test_the_questions_follow_with_a_fixed_lag(folder: Path, tmp_path: Path) -> None:
    """Without loader processes the next step's questions are drawn up before the rewards of this one."""
    trainer = trainer_of(folder, tmp_path / "run", "grpo.loader_workers=0")
    trainer.train()
    asked = [
        entry["difficulty/digits"]
        for entry in trainer.state.log_history
        if "difficulty/digits" in entry
    ]
    levels = [step["digits"] for step in trail(trainer)["trail"]]
    assert asked == pytest.approx([levels[0], *levels[:5]])


def test_a_dataset_may_have_been_built_at_another_difficulty(folder: Path) -> None:
    """Where the difficulty follows the rewards, questions are made anew at the one that is wanted."""
    config = load_config(folder / "run.yaml")
    dataset = dataset_of(config, folder)
    renderer = Renderer.for_dataset(dataset, run=config)
    recipe = dataset.recipes[0]
    sample, moved = renderer.at_difficulty(recipe, 0.25)
    assert (sample.question, moved.difficulty) == ("Level 0.25", 0.25)
    harder = load_config(folder / "run.yaml", ["tasks.digits.difficulty=0.25"])
    assert dataset_of(harder, folder).recipes[0] == moved
