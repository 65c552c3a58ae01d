"""Runs of the tiny model that take seconds: a configuration, videos, a dataset, and the command on them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from videossr.build import build
from videossr.config import load_config
from videossr.procedural import write_videos
from videossr.scan import scan

if TYPE_CHECKING:
    from pathlib import Path

#: A task whose question states its difficulty, and whose reward a model of random weights can move.
DIGITS = '''
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

#: The difficulty moves with every window of two groups. An epoch is four steps.
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
  questions_per_step: 4
  questions_per_device: 2
  num_generations: 2
  max_completion_length: 4
  learning_rate: 1.0e-3
  beta: 0.01
  max_steps: 6
  save_steps: 2
  loader_workers: 1
  preflight: false
"""

#: Figures that are times.
TIMES = ("step_time", "data_wait", "data_wait_s")


def make_folder(folder: Path, config: str = CONFIG) -> Path:
    """A folder with a configuration `run.yaml`, the task `digits`, and a dataset of four videos."""
    (folder / "loose").mkdir()
    (folder / "loose" / "digits.py").write_text(DIGITS)
    (folder / "run.yaml").write_text(config)
    videos = folder / "videos"
    write_videos(videos, 4, seed=1, seconds=2.0, fps=8.0, height=32, width=32)
    build(load_config(folder / "run.yaml"), scan(videos), videos).save(folder / "dataset")
    return folder


def train_command(folder: Path, run: Path, *words: str, processes: int = 1) -> list[str]:
    """The command line that trains."""
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    sources = [str(folder / "run.yaml"), "--dataset", str(folder / "dataset")]
    return [*launcher, "videossr", "train", *sources, "-o", str(run), "-q", *words]


def train(
    folder: Path, run: Path, *words: str, processes: int = 1, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    """Train in a process of its own, and check the exit code."""
    command = train_command(folder, run, *words, processes=processes)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stderr
    return done


def measured(run: Path) -> list[dict[str, Any]]:
    """What a run has measured, a line for each step, without what are times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: one[name] for name in one if name not in TIMES} for one in lines]
