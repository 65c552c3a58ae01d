"""A task that a model of random weights can move, and trainers on it as `videossr train` makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from small_runs import DIGITS

from videossr.build import build
from videossr.config import RunConfig, load_config
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan
from videossr_trainers.training.provenance import write_provenance
from videossr_trainers.training.train import make_trainer, start_model

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.dataset import Dataset
    from videossr_trainers.engine.grpo import VideoGRPOTrainer

#: The same where a digit is worth its share of the best one, which the target names.
PLUGIN = DIGITS.replace('"7")', '"7", {"best": 9})').replace(
    "completion):\n        return sum(letter.isdigit() for letter in completion)",
    "completion, target):\n"
    "        worth = [int(letter) for letter in completion if letter.isdigit()]\n"
    '        return sum(w / target["best"] for w in worth)',
)

CONFIG = """
extends: tiny
plugins: {folders: [loose]}
video: {num_frames: 4, min_frames: 4}
build: {size: 16, refill: true}
tasks:
  anomaly: {enabled: false}
  counting: {enabled: false}
  jigsaw: {enabled: false}
  digits: {difficulty: {kind: linear, start: easy, stop: hard}}
  more: {plugin: digits}
warm_start: {steps: 0}
grpo:
  questions_per_step: 4
  questions_per_device: 2
  num_generations: 2
  max_completion_length: 4
  max_steps: 4
  save_steps: 2
  log_samples_steps: 2
  loader_workers: 0
"""


def write_config(folder: Path, config: str = CONFIG, plugin: str = PLUGIN) -> Path:
    """A configuration with its loose plugin, and videos beside it."""
    (folder / "loose").mkdir(parents=True)
    (folder / "loose" / "digits.py").write_text(plugin)
    (folder / "run.yaml").write_text(config)
    write_videos(folder / "videos", 3, seed=1, seconds=2.0, fps=8.0, height=32, width=32)
    return folder / "run.yaml"


def dataset_of(config: RunConfig, videos: Path) -> Dataset:
    """Built in memory."""
    return build(config, scan(videos), videos)


def trainer_of(path: Path, run: Path, *overrides: str) -> VideoGRPOTrainer:
    """A trainer whose run's folder has its configuration in it."""
    config = load_config(path, overrides)
    dataset = dataset_of(config, path.parent / "videos")
    renderer = Renderer.for_dataset(dataset, run=config)

    def silent(*_: object) -> None:
        """Nobody watches."""

    write_provenance(config, dataset, run)
    started = start_model(config, dataset, dataset.recipes, renderer, run, silent)
    return make_trainer(config, dataset, dataset.recipes, renderer, started, run, silent)
