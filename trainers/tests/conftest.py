"""A tiny model and trainers around it, made on the spot."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tiny_questions import MakeTrainer, questions, tiny_trainer

from videossr_trainers.models.tiny import save_tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model."""
    return save_tiny(tmp_path_factory.mktemp("tiny"), [s.question for s in questions()], seed=3)


@pytest.fixture
def make_trainer(tiny_folder: Path, tmp_path: Path) -> MakeTrainer:
    """Trainers that differ only in what a test asks for."""
    return partial(tiny_trainer, tiny_folder, tmp_path / "run")
