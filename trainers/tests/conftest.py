"""A tiny model and trainers around it, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_questions import MakeTrainer, digit_share, questions, table_of
from transformers import set_seed
from trl import GRPOConfig

from videossr_trainers.grpo import VideoGRPOTrainer
from videossr_trainers.models import load_model
from videossr_trainers.tiny import save_tiny

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr import Sample


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model."""
    return save_tiny(tmp_path_factory.mktemp("tiny"), [s.question for s in questions()], seed=3)


@pytest.fixture
def make_trainer(tiny_folder: Path, tmp_path: Path) -> MakeTrainer:
    """Trainers that differ only in what a test asks for."""

    def make(
        *, shared_prefix: bool = True, samples: Sequence[Sample] | None = None, **settings: object
    ) -> VideoGRPOTrainer:
        chosen = questions() if samples is None else samples
        arguments = {
            "output_dir": str(tmp_path / "run"),
            "num_generations": 4,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 2,
            "max_completion_length": 6,
            "beta": 1e-2,
            "learning_rate": 1e-3,
            "loss_type": "grpo",
            "bf16": False,
            "use_cpu": True,
            "gradient_checkpointing": False,
            "dataloader_pin_memory": False,
            "remove_unused_columns": False,
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
            "seed": 5,
        } | settings
        set_seed(0)
        model, processor = load_model(str(tiny_folder))
        return VideoGRPOTrainer(
            shared_prefix=shared_prefix,
            model=model,
            processing_class=processor,
            reward_funcs=digit_share,
            args=GRPOConfig(**arguments),
            train_dataset=table_of(chosen),
        )

    return make
