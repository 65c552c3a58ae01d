"""What the supervised steps are given by their loader, and what they make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tiny_questions import questions, table_of
from trl import SFTConfig

from videossr_trainers.engine.encoding import scaled
from videossr_trainers.models.load import load_model
from videossr_trainers.training.stages import WarmStartStage
from videossr_trainers.training.warm_start import AnswerCollator

if TYPE_CHECKING:
    from pathlib import Path


def batch_of(processor: Any) -> dict[str, Any]:  # noqa: ANN401 - transformers is untyped
    """Two questions as a loader's process sends them."""
    return AnswerCollator(processor)([{"sample": sample} for sample in questions()[:2]])


def stage_of(folder: Path, output: Path) -> WarmStartStage:
    """The stage, before its first step."""
    model, processor = load_model(str(folder))
    arguments = SFTConfig(
        output_dir=str(output),
        max_steps=1,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        max_length=None,
        report_to=[],
    )
    return WarmStartStage(
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
