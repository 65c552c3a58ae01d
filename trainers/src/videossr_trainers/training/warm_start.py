"""Supervised steps on the answers that the questions bring along, by TRL's SFTTrainer.

A model that has never seen the format of an answer earns nothing, so its groups all score alike and
GRPO has nothing to learn from. A few hundred steps on the answers, which cost nothing here, mend that.

run/warm_start_checkpoints/  while the stage lasts
run/warm_start/              the model that came out of it; it appears whole, and the stage is over
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import PrinterCallback
from trl import SFTConfig

from videossr_trainers.engine.encoding import NO_LABEL, PromptEncoder, pad_left
from videossr_trainers.processes import on_main
from videossr_trainers.questions.data import FAILURE
from videossr_trainers.training.checkpoints import (
    forget_newer,
    newest_whole,
    remove,
    save_whole_model,
    step_of,
)
from videossr_trainers.training.metrics import WARM_START
from videossr_trainers.training.provenance import note_attempt
from videossr_trainers.training.run_folder import forget_after
from videossr_trainers.training.stages import WarmStartStage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from datasets import Dataset as Table
    from torch import Tensor
    from torch.utils.data import Sampler
    from transformers import TrainerCallback

    from videossr.sample import Sample
    from videossr_trainers.sections import WarmStartSection
    from videossr_trainers.training.interrupts import StopOnSignal


#: The folder of a run that its checkpoints lie in.
CHECKPOINTS: Final = "warm_start_checkpoints"


class AnswerCollator:
    """Rows with samples become a batch in which only the answer is learnt.

    Args:
        processor: the model's processor.
    """

    def __init__(self, processor: Any) -> None:  # noqa: ANN401 - transformers is untyped
        self.encoder = PromptEncoder(processor)
        self.tokenizer = processor.tokenizer

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """The model's arguments, prompts and answers filled up on the left.

        Pixels are bytes, a quarter of what the model takes: `WarmStartStage` scales them on the device.
        """
        if FAILURE in rows[0]:
            return {FAILURE: rows[0][FAILURE]}
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
        labels = [torch.cat([torch.full_like(p.input_ids, NO_LABEL), a]) for p, a in pairs]
        return {
            "input_ids": pad_left(ids, self.tokenizer.pad_token_id),
            "attention_mask": pad_left([torch.ones_like(row) for row in ids], 0),
            "mm_token_type_ids": pad_left(types, 0),
            "labels": pad_left(labels, NO_LABEL),
            "pixel_values_videos": torch.cat([prompt.patches for prompt in prompts]),
            "video_grid_thw": torch.cat([prompt.grid for prompt in prompts]),
        }


def forget_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run's stage that is over, which a kill may have kept from going."""
    on_main(lambda: remove(folder / CHECKPOINTS))


def _decay(section: WarmStartSection) -> dict[str, Any]:
    """What transformers has to know of the last of the three parts."""
    steps = max(0, min(section.steps // 4, section.steps - section.warmup_steps))
    return {"num_decay_steps": steps, "decay_type": "linear"}


def warm_start(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    table: Table,
    section: WarmStartSection,
    folder: Path,
    *,
    sampler: Sampler[int],
    seed: int,
    loader_workers: int = 0,
    gradient_checkpointing: bool = False,
    max_nonfinite_steps: int = 1,
    callbacks: Sequence[TrainerCallback] = (),
    stop: StopOnSignal | None = None,
) -> None:
    """Train in place, from the newest checkpoint if there is one, and save model and processor.

    Args:
        table: rows as `training_table` makes them.
        sampler: the order in which they are learnt.
        folder: the run's; the model goes to `warm_start` in it.
        stop: ends the stage early.

    Raises:
        Stopped: it was ended early, and has saved a checkpoint.
    """
    on_gpu = torch.cuda.is_available()
    rate = section.lr_scheduler
    saved = folder / CHECKPOINTS
    arguments = SFTConfig(
        output_dir=str(saved),
        max_steps=section.steps,
        per_device_train_batch_size=section.batch_size,
        learning_rate=section.learning_rate,
        warmup_steps=section.warmup_steps,
        lr_scheduler_type="constant_with_warmup" if rate == "constant" else rate,
        lr_scheduler_kwargs=_decay(section) if rate == "warmup_stable_decay" else None,
        adam_beta2=0.95,
        max_grad_norm=1.0,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        max_length=None,
        dataloader_num_workers=loader_workers,
        dataloader_persistent_workers=loader_workers > 0,
        dataloader_pin_memory=on_gpu,
        logging_steps=1,
        save_strategy="steps" if section.save_steps else "no",
        save_steps=section.save_steps or 1,
        save_total_limit=1,
        report_to=[],
        disable_tqdm=True,
        seed=seed,
    )
    trainer = WarmStartStage(
        sampler=sampler,
        max_nonfinite_steps=max_nonfinite_steps,
        model=model,
        args=arguments,
        train_dataset=table,
        processing_class=processor,
        data_collator=AnswerCollator(processor),
        callbacks=[*callbacks, stop] if stop else list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)  # the console shows the same, and shorter
    last = on_main(lambda: newest_whole(saved))
    on_main(lambda: forget_newer(saved, last))
    taken = step_of(last) if last else 0
    forget_after(folder, WARM_START, taken)
    note_attempt(folder, WARM_START, taken + 1)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    if stop:
        stop.raise_stopped(WARM_START, trainer.state)
    save_whole_model(trainer, folder / "warm_start")
    forget_checkpoints(folder)
    if stop:
        stop.raise_asked(WARM_START, trainer.state)
