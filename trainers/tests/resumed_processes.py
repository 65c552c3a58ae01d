"""Run by a test under torchrun: a run on two processes, and one that ends in the middle and is resumed.

Arguments: a folder as `small_runs.make_folder` leaves it, and the step in which the second run ends.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from accelerate import PartialState

from videossr.config import load_config
from videossr.dataset import Dataset
from videossr_trainers.console import quiet_libraries
from videossr_trainers.training.train import train


class EndedError(Exception):
    """In the place of a kill."""


def main() -> None:
    """Train `whole`, and `halves` in two pieces."""
    folder, last = Path(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    quiet_libraries()
    # An epoch has four steps: the place to go on from lies within the second.
    config = load_config(folder / "run.yaml", ["grpo.save_steps=5"])
    dataset = Dataset.load(folder / "dataset")

    def end(_: str, step: int, *__: object) -> None:
        if step == last:
            raise EndedError

    train(config, dataset, folder / "whole", lambda *_: None)
    try:
        train(config, dataset, folder / "halves", end)
    except EndedError:
        PartialState().wait_for_everyone()
    train(config, dataset, folder / "halves", lambda *_: None, resume=True)


if __name__ == "__main__":
    main()
