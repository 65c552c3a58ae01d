"""The configuration's section `grpo` in TRL's terms, checked against the machine and the dataset."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from accelerate import PartialState
from trl import GRPOConfig

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.installing import install_command
from videossr.threads import core_count
from videossr_trainers.engine.batches import check_rows
from videossr_trainers.models.adapters import lora_config
from videossr_trainers.rollouts.trackers import project

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.sections import GrpoSection, ModelSection


def check_batches(grpo: GrpoSection, questions: int) -> None:
    """Refuse batch sizes that do not divide, and datasets too small for one step.

    Raises:
        ConfigError: with the arithmetic.
    """
    n = grpo.num_generations
    check_rows(
        rows_per_device=grpo.questions_per_device * n,
        rows_per_step=grpo.questions_per_step * n,
        group=n,
        processes=PartialState().num_processes,
        questions=questions,
    )


def check_optimizer(grpo: GrpoSection) -> None:
    """Raise `ConfigError` for an optimizer whose package is not installed."""
    if grpo.optimizer.endswith("8bit") and find_spec("bitsandbytes") is None:
        problem = f"{grpo.optimizer} needs the package bitsandbytes, which is not installed"
        right = f"`{install_command('bitsandbytes')}`, or adamw_torch"
        raise ConfigError(Mistake("grpo.optimizer", problem, right))


def leave_cores_to_loaders(grpo: GrpoSection) -> None:
    """On a machine without a GPU, compute with the cores that the loaders do not need.

    More threads than cores wait for each other in a busy loop, which slows a small model tenfold. The
    processes of a machine share its cores, and each has loaders of its own. `OMP_NUM_THREADS` is an upper
    bound: who sets it has other work for the rest.
    """
    if torch.cuda.is_available():
        return
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # set by what starts several
    free = core_count() // processes - grpo.loader_workers
    asked = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(max(1, min(free, int(asked) if asked.isdecimal() else free)))


def grpo_arguments(
    grpo: GrpoSection, model: ModelSection, folder: Path, *, seed: int
) -> GRPOConfig:
    """Our section in TRL's terms. A generation batch is one optimizer step.

    Raises:
        ConfigError: an optimizer whose package is not installed.
    """
    check_optimizer(grpo)
    warms = grpo.lr_scheduler == "constant" and grpo.warmup_steps
    on_gpu = torch.cuda.is_available()
    at_once = grpo.questions_per_device * PartialState().num_processes
    return GRPOConfig(
        output_dir=str(folder / "checkpoints"),
        num_generations=grpo.num_generations,
        per_device_train_batch_size=grpo.questions_per_device * grpo.num_generations,
        gradient_accumulation_steps=grpo.questions_per_step // at_once,
        learning_rate=grpo.learning_rate,
        optim=grpo.optimizer,
        lr_scheduler_type="constant_with_warmup" if warms else grpo.lr_scheduler,
        warmup_steps=grpo.warmup_steps,
        beta=grpo.beta,
        entropy_coef=grpo.entropy_bonus,
        temperature=grpo.temperature,
        max_completion_length=grpo.max_completion_length,
        loss_type=grpo.loss_type,
        max_grad_norm=grpo.max_grad_norm,
        num_train_epochs=grpo.epochs,
        max_steps=grpo.max_steps or -1,
        # TRL loads the reference of the KL term from the policy's name; this makes it the same one.
        model_init_kwargs={"revision": model.revision} if model.revision else None,
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
        save_total_limit=grpo.keep_checkpoints,
        report_to=list(grpo.report_to),
        project=project(),
        disable_tqdm=True,
        seed=seed,
    )


def engine_arguments(grpo: GrpoSection, section: ModelSection, model: Any) -> dict[str, Any]:  # noqa: ANN401
    """What `VideoGRPOTrainer` takes beyond TRL's own arguments, and the adapter if there is to be one.

    Raises:
        ConfigError: an adapter that does not fit the model.
    """
    lora = section.lora
    return {
        "shared_prefix": grpo.shared_prefix,
        "questions_per_generation": grpo.questions_per_generation,
        "max_prompt_length": grpo.max_prompt_length,
        "peft_config": lora and lora_config(lora, model, section.revision),
    }
