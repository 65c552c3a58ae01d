"""What each of two processes does in test_preflight.py: the same training with and without a preflight.

preflight_on_two.py DATASET OUTPUT [key=value ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from accelerate import PartialState

from videossr.config import load_config
from videossr.dataset import Dataset
from videossr_trainers.training.train import train

PartialState(cpu=True)
dataset = Dataset.load(Path(sys.argv[1]))
for preflight in ("true", "false"):
    config = load_config("tiny", [*sys.argv[3:], f"grpo.preflight={preflight}"])
    train(config, dataset, Path(sys.argv[2]) / preflight, lambda *_: None)
