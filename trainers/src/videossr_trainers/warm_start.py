"""Supervised steps on the answers that the questions bring along, by TRL's SFTTrainer.

A model that has never seen the format of an answer earns nothing, so its groups all score alike and
GRPO has nothing to learn from. A few hundred steps on the answers, which cost nothing here, mend that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from videossr_trainers.encoding import PromptEncoder, pad_left, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from datasets import Dataset as Table
    from torch import Tensor
    from transformers import TrainerCallback

    from videossr.sample import Sample
    from videossr_trainers.sections import WarmStartSection


class AnswerCollator:
    """Rows with samples become a batch in which only the answer is learnt.

    Args:
        processor: the model's processor.
    """

    def __init__(self, processor: Any) -> None:  # noqa: ANN401 - transformers is untyped
        self.encoder = PromptEncoder(processor)
        self.tokenizer = processor.tokenizer

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """The model's arguments, prompts and answers filled up on the left."""
        samples: list[Sample] = [row["sample"] for row in rows]
        prompts = self.encoder.encode(samples)
        end = self.tokenizer.eos_token_id
        answers = [
            torch.tensor([*self.tokenizer(s.answer, add_special_tokens=False)["input_ids"], end])
            for s in samples
        ]
        pairs = list(zip(prompts, answers, strict=True))
        ids = [torch.cat([prompt.input_ids, answer]) for prompt, answer in pairs]
        types = [torch.cat([p.token_types, torch.zeros_like(a)]) for p, a in pairs]
        labels = [torch.cat([torch.full_like(p.input_ids, -100), a]) for p, a in pairs]
        return {
            "input_ids": pad_left(ids, self.tokenizer.pad_token_id),
            "attention_mask": pad_left([torch.ones_like(row) for row in ids], 0),
            "mm_token_type_ids": pad_left(types, 0),
            "labels": pad_left(labels, -100),
            "pixel_values_videos": scaled(torch.cat([prompt.patches for prompt in prompts])),
            "video_grid_thw": torch.cat([prompt.grid for prompt in prompts]),
        }


def warm_start(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    table: Table,
    section: WarmStartSection,
    folder: Path,
    *,
    seed: int,
    loader_workers: int = 0,
    callbacks: Sequence[TrainerCallback] = (),
) -> list[dict[str, float]]:
    """Train in place, and save model and processor to `folder`.

    Returns:
        The trainer's log, a row for each step, with `step` and `loss`.
    """
    on_gpu = torch.cuda.is_available()
    arguments = SFTConfig(
        output_dir=str(folder),
        max_steps=section.steps,
        per_device_train_batch_size=section.batch_size,
        learning_rate=section.learning_rate,
        warmup_steps=section.warmup_steps,
        lr_scheduler_type="constant_with_warmup",
        adam_beta2=0.95,
        max_grad_norm=1.0,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        max_length=None,
        dataloader_num_workers=loader_workers,
        dataloader_persistent_workers=loader_workers > 0,
        dataloader_pin_memory=on_gpu,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=seed,
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=table,
        processing_class=processor,
        data_collator=AnswerCollator(processor),
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)  # the console shows the same, and shorter
    trainer.train()
    trainer.save_model(str(folder))
    trainer.accelerator.wait_for_everyone()
    return [entry for entry in trainer.state.log_history if "loss" in entry]
