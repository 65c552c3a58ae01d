"""What the supervised steps are given by their loader, and what they make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_questions import questions, table_of
from torch.utils.data import Sampler
from trl import SFTConfig

from videossr_trainers.engine.encoding import scaled
from videossr_trainers.models.load import load_model
from videossr_trainers.sections import WarmStartSection
from videossr_trainers.training.callbacks import StepReport
from videossr_trainers.training.metrics import METRICS
from videossr_trainers.training.stages import WarmStartStage
from videossr_trainers.training.warm_start import AnswerCollator, warm_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


def batch_of(processor: Any) -> dict[str, Any]:  # noqa: ANN401 - transformers is untyped
    """Two questions as a loader's process sends them."""
    return AnswerCollator(processor)([{"sample": sample} for sample in questions()[:2]])


class Listed(Sampler[int]):
    """Numbers as they are given."""

    def __init__(self, order: Sequence[int]) -> None:
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[int]:
        return iter(self.order)


def stage_of(folder: Path, output: Path, order: Sequence[int] = (0, 1, 2, 3)) -> WarmStartStage:
    """The stage, before its first step, whose sampler gives that order."""
    model, processor = load_model(str(folder))
    arguments = SFTConfig(
        output_dir=str(output),
        max_steps=1,
        per_device_train_batch_size=2,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        max_length=None,
        report_to=[],
    )
    return WarmStartStage(
        sampler=Listed(order),
        max_nonfinite_steps=1,
        model=model,
        args=arguments,
        train_dataset=table_of(questions()),
        processing_class=processor,
        data_collator=AnswerCollator(processor),
    )


def test_pixels_travel_as_bytes(tiny_folder: Path) -> None:
    """A loader's process sends what the video has: a byte a value, not four."""
    _, processor = load_model(str(tiny_folder))
    assert torch.uint8 == batch_of(processor)["pixel_values_videos"].dtype


def test_scaled_where_it_is_computed_the_loss_is_the_same_to_the_bit(
    tiny_folder: Path, tmp_path: Path
) -> None:
    """As if the loader had scaled the pixels."""
    stage = stage_of(tiny_folder, tmp_path)
    batch = batch_of(stage.processing_class)
    ready = {**batch, "pixel_values_videos": scaled(batch["pixel_values_videos"])}
    assert torch.float32 == ready["pixel_values_videos"].dtype
    with torch.no_grad():
        losses = [
            stage.compute_loss(stage.model, some) for some in (ready, stage._prepare_inputs(batch))
        ]
    assert losses[0].isfinite()
    assert torch.equal(*losses)


def test_the_head_is_given_the_answers_alone(tiny_folder: Path, tmp_path: Path) -> None:
    """Of a prompt, which is many times longer, nothing is predicted."""
    stage = stage_of(tiny_folder, tmp_path)
    batch = stage._prepare_inputs(batch_of(stage.processing_class))
    longest = int((batch["labels"] != -100).any(0).sum())
    outputs: list[Any] = []
    stage.model.register_forward_hook(lambda _model, _given, output: outputs.append(output))
    with torch.no_grad():
        stage.compute_loss(stage.model, batch)
    assert [longest] == [output.log_probs.shape[1] for output in outputs]
    assert 5 * longest < batch["labels"].shape[1]


def test_questions_are_learnt_in_the_order_of_the_sampler(
    tiny_folder: Path, tmp_path: Path
) -> None:
    """A curriculum is not shuffled."""
    order = (2, 0, 3, 1)
    stage = stage_of(tiny_folder, tmp_path, order)
    learnt: list[str] = []
    for batch in stage.get_train_dataloader():
        rows = (row[row >= 0] for row in batch["labels"])
        learnt += [
            stage.processing_class.tokenizer.decode(row, skip_special_tokens=True) for row in rows
        ]
    assert [questions()[number].answer for number in order] == learnt


@pytest.mark.parametrize(
    ("scheduler", "rates"),
    [
        ("constant", [0, 0.5, 1, 1, 1, 1, 1, 1]),
        ("warmup_stable_decay", [0, 0.5, 1, 1, 1, 1, 1, 0.5]),
    ],
)
def test_the_rate_falls_over_the_last_quarter(
    scheduler: str, rates: list[float], tiny_folder: Path, tmp_path: Path
) -> None:
    """Of eight steps two rise, two fall: each has the rate at its beginning."""
    told: list[float] = []

    def report(_stage: str, _step: int, _steps: int, measured: Mapping[str, float]) -> None:
        told.append(measured["learning_rate"])

    section = WarmStartSection.model_validate(
        {
            "steps": 8,
            "batch_size": 1,
            "learning_rate": 1e-3,
            "lr_scheduler": scheduler,
            "warmup_steps": 2,
            "save_steps": 0,
        }
    )
    warm_start(
        *load_model(str(tiny_folder)),
        table_of(questions()),
        section,
        tmp_path,
        sampler=Listed([0, 1, 2, 3] * 2),
        seed=0,
        callbacks=[StepReport("warm start", report, tmp_path / METRICS)],
    )
    assert [1e-3 * rate for rate in rates] == pytest.approx(told)
