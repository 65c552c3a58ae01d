"""Questions of several shapes about noise, and what a trainer needs to train on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from datasets import Dataset as Table
from transformers import set_seed
from trl import GRPOConfig

from videossr import Clip, Sample
from videossr.sample import question_prompt
from videossr_trainers.engine.grpo import VideoGRPOTrainer
from videossr_trainers.models.adapters import lora_config
from videossr_trainers.models.load import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr_trainers.sections import LoraSection

#: Makes a trainer; keywords say how it differs from the usual one.
MakeTrainer = Callable[..., VideoGRPOTrainer]


def random_clip(seed: int, *, frames: int = 4, height: int = 32, width: int = 64) -> Clip:
    """Noise at uneven times."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (frames, 3, height, width), generator=generator)
    gaps = 0.1 + torch.rand(frames, generator=generator, dtype=torch.float64)
    return Clip(pixels.to(torch.uint8), gaps.cumsum(0))


def questions() -> list[Sample]:
    """Prompts of unequal length, with one, two and three clips of unequal size."""
    one = Sample(question_prompt(None, "When?"), (random_clip(1),), "1.5-2.0")
    long = Sample(
        question_prompt(None, "When does the part that was altered begin and end, in seconds?"),
        (random_clip(2, frames=8),),
        "0.5-1.0",
    )
    two = Sample(
        question_prompt("Clip 1: ", None, "Clip 2: ", None, "In which order?"),
        (random_clip(3), random_clip(4, width=32)),
        "21",
    )
    three = Sample(
        question_prompt(None, None, None, "In which order?"),
        (random_clip(5), random_clip(6), random_clip(7)),
        "312",
    )
    return [one, long, two, three]


def table_of(samples: Sequence[Sample]) -> Table:
    """What the trainer reads, without any recipe behind it."""
    table = Table.from_dict({"number": list(range(len(samples)))})

    def rows(batch: dict[str, list[int]]) -> dict[str, list[object]]:
        numbers = batch["number"]
        return {
            "prompt": [[{"role": "user", "content": samples[i].question}] for i in numbers],
            "sample": [samples[i] for i in numbers],
            "answer": [samples[i].answer for i in numbers],
        }

    table.set_transform(rows)
    return table


def digit_share(completions: Sequence[Sequence[dict[str, str]]], **_: object) -> list[float]:
    """A reward that varies with what was sampled: the share of digits."""
    texts = [completion[0]["content"] for completion in completions]
    return [sum(letter.isdigit() for letter in text) / max(len(text), 1) for text in texts]


def tiny_trainer(
    model_folder: Path,
    output: Path,
    *,
    samples: Sequence[Sample] | None = None,
    shared_prefix: bool = True,
    questions_per_generation: int = 8,
    max_prompt_length: int = 8192,
    lora: LoraSection | None = None,
    dtype: torch.dtype = torch.float32,
    **settings: object,
) -> VideoGRPOTrainer:
    """A trainer of the tiny model, always from the same weights; the settings are TRL's."""
    chosen = questions() if samples is None else samples
    arguments = {
        "output_dir": str(output),
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
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": 5,
    } | settings
    set_seed(0)
    model, processor = load_model(str(model_folder), dtype=dtype)
    return VideoGRPOTrainer(
        shared_prefix=shared_prefix,
        questions_per_generation=questions_per_generation,
        max_prompt_length=max_prompt_length,
        model=model,
        processing_class=processor,
        reward_funcs=digit_share,
        args=GRPOConfig(**arguments),
        train_dataset=table_of(chosen),
        peft_config=lora and lora_config(lora, model, None),
    )
