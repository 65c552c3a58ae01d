"""The configuration's section `grpo` in TRL's terms, checked against the machine and the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from accelerate import PartialState
from trl import GRPOConfig

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.threads import core_count

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.sections import GrpoSection, ModelSection


def check_batches(grpo: GrpoSection, questions: int) -> None:
    """Refuse batch sizes that do not divide, and datasets too small for one step.

    Raises:
        ConfigError: with the arithmetic.
    """
    processes = PartialState().num_processes
    at_once = grpo.questions_per_device * processes
    if grpo.questions_per_step % at_once:
        raise ConfigError(
            Mistake(
                "grpo.questions_per_step",
                f"{grpo.questions_per_step} is no multiple of {grpo.questions_per_device} questions "
                f"a device x {processes} processes = {at_once}",
                "choose a multiple",
            )
        )
    if questions < grpo.questions_per_step:
        n = grpo.num_generations
        raise ConfigError(
            Mistake(
                "dataset",
                f"{questions} questions are fewer than one generation batch: "
                f"{grpo.questions_per_step} questions a step x {n} rollouts = "
                f"{grpo.questions_per_step * n} rollouts, the dataset gives {questions} x {n} = "
                f"{questions * n}",
                "build more questions, or lower grpo.questions_per_step",
            )
        )


def leave_cores_to_loaders(grpo: GrpoSection) -> None:
    """On a machine without a GPU, compute with the cores that the loaders do not need.

    More threads than cores wait for each other in a busy loop, which slows a small model tenfold.
    """
    if not torch.cuda.is_available():
        torch.set_num_threads(max(1, core_count() - grpo.loader_workers))


def grpo_arguments(
    grpo: GrpoSection, model: ModelSection, folder: Path, *, seed: int
) -> GRPOConfig:
    """Our section in TRL's terms. A generation batch is one optimizer step."""
    on_gpu = torch.cuda.is_available()
    at_once = grpo.questions_per_device * PartialState().num_processes
    return GRPOConfig(
        output_dir=str(folder / "checkpoints"),
        num_generations=grpo.num_generations,
        per_device_train_batch_size=grpo.questions_per_device * grpo.num_generations,
        gradient_accumulation_steps=grpo.questions_per_step // at_once,
        learning_rate=grpo.learning_rate,
        lr_scheduler_type="constant",
        beta=grpo.beta,
        entropy_coef=grpo.entropy_bonus,
        temperature=grpo.temperature,
        max_completion_length=grpo.max_completion_length,
        loss_type=grpo.loss_type,
        max_grad_norm=grpo.max_grad_norm,
        num_train_epochs=grpo.epochs,
        max_steps=grpo.max_steps or -1,
        gradient_checkpointing=model.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        bf16=on_gpu,
        use_cpu=not on_gpu,
        dataloader_num_workers=grpo.loader_workers,
        dataloader_persistent_workers=grpo.loader_workers > 0,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        logging_steps=1,
        save_strategy="steps" if grpo.save_steps else "no",
        save_steps=grpo.save_steps or 1,
        report_to=list(grpo.report_to),
        disable_tqdm=True,
        seed=seed,
    )
