"""Does a step fit into the memory that is there?"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
import torch
from accelerate import PartialState
from torch import nn

from videossr.finding import Finding
from videossr_trainers.preflight.footprint import (
    Architecture,
    Footprint,
    Layout,
    Weights,
    Work,
    footprint,
)
from videossr_trainers.preflight.units import in_gib
from videossr_trainers.sections import GrpoSection

if TYPE_CHECKING:
    from videossr_trainers.engine.grpo import VideoGRPOTrainer
    from videossr_trainers.preflight.subject import Subject

#: Above this share of what there is, a step may still fail by bad luck.
_TIGHT: Final = 0.9

_MEANING: Final = (
    "without room for it a step ends in an error of memory, perhaps hours after the start"
)

_CGROUP: Final = Path("/sys/fs/cgroup")


def memory(subject: Subject) -> Finding:
    """The estimate of a step's memory, part by part, against the device."""
    trainer = subject.going
    expected = estimate(subject, trainer, answer_tokens(subject))
    longest = estimate(subject, trainer, subject.config.section(GrpoSection).max_completion_length)
    room, where = capacity(trainer.accelerator.device)
    said = (
        f"{in_gib(expected.peak)} at the peak, which is {expected.largest}, of {in_gib(room)} {where}: "
        + ", ".join(f"{part.name} {in_gib(part.nbytes)}" for part in _large(expected))
    )
    figures = {
        "peak": int(expected.peak),
        "peak_of_longest_answers": int(longest.peak),
        "capacity": int(room),
        "kept": _table(expected.kept),
        "phases": {name: _table(parts) for name, parts in expected.phases.items()},
    }
    if expected.peak > room:
        return Finding("memory", "fault", said, _MEANING, _advice(expected, trainer), figures)
    if expected.peak > _TIGHT * room:
        return Finding(
            "memory",
            "warning",
            f"{said}; that is tight",
            _MEANING,
            _advice(expected, trainer),
            figures,
        )
    if longest.peak > room:
        most = trainer.args.max_completion_length
        return Finding(
            "memory",
            "warning",
            f"{said}; if all answers ran on to {most} tokens it would be {in_gib(longest.peak)}",
            _MEANING,
            "lower grpo.max_completion_length to what answers need",
            figures,
        )
    return Finding("memory", "ok", said, _MEANING, "", figures)


def answer_tokens(subject: Subject) -> int:
    """Tokens of the longest right answer of those looked at, its end included, and as many again."""
    tokenizer = subject.processor.tokenizer
    longest = max(
        len(tokenizer(asked.sample.answer, add_special_tokens=False)["input_ids"])
        for asked in subject.asked
    )
    return min(2 * (longest + 1), subject.config.section(GrpoSection).max_completion_length)


def estimate(subject: Subject, trainer: VideoGRPOTrainer, answer: int) -> Footprint:
    """The memory of a step of this trainer with answers of some length."""
    grpo = subject.config.section(GrpoSection)
    on_gpu = trainer.accelerator.device.type == "cuda"
    processes = trainer.accelerator.num_processes
    every = trainer.model.parameters()
    weights = [(weight_count(w), w.element_size(), w.requires_grad) for w in every]
    reference = trainer.ref_model.parameters() if trainer.ref_model is not None else ()
    work = Work(
        prompt=max(len(prompt.input_ids) for prompt in subject.prompts),
        patches=max(len(prompt.patches) for prompt in subject.prompts),
        answer=answer,
        group=grpo.num_generations,
        questions=grpo.questions_per_device,
        generated=min(grpo.questions_per_generation, max(1, grpo.questions_per_step // processes)),
        shared_prefix=grpo.shared_prefix,
        checkpointing=bool(trainer.args.gradient_checkpointing),
        autocast=bool(trainer.args.bf16),
    )
    mostly = max(weights, key=lambda weight: weight[0])
    if mostly[1] == 2:  # noqa: PLR2004 - bytes of bfloat16 and float16
        work = replace(work, autocast=False, half=True)
    return footprint(
        Architecture.of(subject.model.config),
        Weights(
            count=sum(count for count, _, _ in weights),
            nbytes=sum(count * size for count, size, _ in weights),
            trained=sum(count for count, _, trained in weights if trained),
            embedded=_embedded(subject.model),
            reference=sum(weight_count(w) * w.element_size() for w in reference),
        ),
        work,
        optimizer=str(getattr(trainer.args.optim, "value", trainer.args.optim)),
        layout=_layout(trainer, processes),
        on_gpu=on_gpu,
    )


def _embedded(model: Any) -> int:  # noqa: ANN401 - transformers is untyped
    """Weights of embeddings, those aside that the head multiplies with as well."""
    head = model.get_output_embeddings()
    tables = {
        id(module.weight): weight_count(module.weight)
        for module in model.modules()
        if isinstance(module, nn.Embedding) and (head is None or module.weight is not head.weight)
    }
    return sum(tables.values())


def weight_count(weight: Any) -> int:  # noqa: ANN401 - a tensor, and what DeepSpeed makes of one
    """How many weights a parameter has, on all processes together."""
    # ZeRO-3 leaves an empty tensor behind, and its true size beside it.
    return int(getattr(weight, "ds_numel", weight.numel()))


def _layout(trainer: VideoGRPOTrainer, processes: int) -> Layout:
    if trainer.is_deepspeed_enabled:
        plugin: Any = trainer.accelerator.state.deepspeed_plugin
        return Layout.zero(int(plugin.zero_stage), processes)
    return Layout.fsdp(processes) if trainer.is_fsdp_enabled else Layout()


def capacity(device: torch.device) -> tuple[float, str]:
    """Bytes that this process may use, what it uses already included, and where that is."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        own = torch.cuda.memory_reserved(device)
        return float(free + own), f"free on {torch.cuda.get_device_name(device)}"
    neighbours = int(os.environ.get("LOCAL_WORLD_SIZE", PartialState().num_processes))
    available = main_memory()
    own = psutil.Process().memory_info().rss
    shared = f", shared by {neighbours} processes" if neighbours > 1 else ""
    return available / neighbours + own, f"of RAM available{shared}"


def main_memory() -> float:
    """Bytes of main memory that are available, no more than a container still grants."""
    return min(float(psutil.virtual_memory().available), _container_limit())


def _container_limit() -> float:
    """Bytes that a container still grants, infinite outside of one."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = (_CGROUP / "memory.current").read_text().strip()
        return float(limit) - float(used)
    except (OSError, ValueError):  # no container, or one without a limit, which says "max"
        return float("inf")


def _large(expected: Footprint) -> list[Any]:
    """The parts at the peak that matter, the largest first."""
    parts = [*expected.kept, *expected.phases[expected.largest]]
    parts.sort(key=lambda part: -part.nbytes)
    return [part for part in parts if part.nbytes >= 0.01 * expected.peak]


def _table(parts: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - parts
    return {part.name: {"bytes": int(part.nbytes), "source": part.source} for part in parts}


def _advice(expected: Footprint, trainer: VideoGRPOTrainer) -> str:
    """What takes less, for what takes most."""
    largest = _large(expected)[0].name
    steps = {
        "optimizer": "an 8-bit optimizer, LoRA, or more processes under ZeRO-2 or FSDP",
        "weights": "LoRA on 16-bit weights, or more processes under ZeRO-3 or FSDP",
        "gradients": "LoRA, or more processes under ZeRO-2 or FSDP",
        "reference": "grpo.beta=0, which needs no reference, or LoRA, which finds it in the policy",
        "caches": "fewer questions generated together, or a lower grpo.questions_per_step",
        "attention": "fewer questions generated together, or a lower grpo.questions_per_step",
        "bfloat16 copies": "LoRA on 16-bit weights, or more processes under FSDP",
    }
    frugal = (
        "a lower grpo.questions_per_device"
        if trainer.args.gradient_checkpointing
        else "model.gradient_checkpointing=true"
    )
    return f"most goes to {largest}; try {steps.get(largest, frugal)}"
