"""Steps that are left out because a figure of theirs is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import Trainer, TrainingArguments

from videossr_trainers.failures import TrainingError
from videossr_trainers.training.nonfinite import FiniteSteps

if TYPE_CHECKING:
    from pathlib import Path


def test_without_a_norm_the_loss_alone_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DeepSpeed may have no norm to give: such a step is taken, unless its loss is not finite."""
    monkeypatch.setattr(Trainer, "_get_grad_norm", lambda *_, **__: None)
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    model = torch.nn.Linear(1, 1)
    trainer = FiniteSteps(max_nonfinite_steps=1, model=model, args=arguments)
    assert trainer._get_grad_norm(model) is None
    assert trainer.nonfinite.total == 0
    trainer._finite.fill_(value=False)
    with pytest.raises(TrainingError, match="not finite"):
        trainer._get_grad_norm(model)
