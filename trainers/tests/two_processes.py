"""What each of several processes does in test_distributed.py; started by a launcher.

    two_processes.py MODEL OUTPUT

Trains a few steps by each path with sampled answers, where the processes decode different numbers of
tokens, and once with answers that depend on the question alone; saves that model, and the logs. Where
weights are sharded, one more in bfloat16 tells what of it has been rounded.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from tiny_questions import tiny_trainer
from transformers import training_args

if TYPE_CHECKING:
    from torch import Tensor

    from videossr_trainers.engine.grpo import VideoGRPOTrainer

#: What is compared.
FIGURES = ("loss", "kl", "grad_norm", "reward", "completions/mean_length")
STEPS = 2

Logs = list[dict[str, float]]


def by_launch_file() -> bool:
    """Whether a launch file asks for FSDP or DeepSpeed."""
    names = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
    return any(os.environ.get(name) == "true" for name in names)


def start() -> PartialState:
    """Join the other processes.

    Accelerate shares weights out between accelerators only. Told that the CPUs are some, it does all the
    rest as it does on GPUs.
    """
    if by_launch_file():
        PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_GPU)
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    return PartialState(cpu=not by_launch_file())


def trained(trainer: VideoGRPOTrainer) -> Logs:
    """The figures of each step."""
    trainer.train()
    return [{name: row[name] for name in FIGURES} for row in trainer.state.log_history[:-1]]


def fix_answers(trainer: VideoGRPOTrainer) -> None:
    """Let an answer depend on its question and its number in the group, and on nothing random."""
    words = trainer.processing_class.tokenizer.convert_tokens_to_ids(list("0123456789when"))

    def answers(*_: object, **__: object) -> tuple[list[list[int]], None]:
        rows = [int(prompt.input_ids.sum()) + 7 * i % 4 for i, prompt in enumerate(trainer._rows)]
        return [[words[(seed + 3 * k) % 14] for k in range(2 + seed % 3)] for seed in rows], None

    trainer._generate_single_turn = answers  # type: ignore[method-assign]


def settings(processes: int) -> dict[str, Any]:
    """The same questions in each step on however many processes."""
    return {
        "use_cpu": not by_launch_file(),
        "per_device_train_batch_size": 16 // processes,
        "gradient_accumulation_steps": 1,
        "max_steps": STEPS,
        "gradient_checkpointing": True,
    }


def sampled(model: Path, output: Path, state: PartialState, *, shared: bool) -> Logs:
    """A training in which one process has long finished decoding while another goes on."""
    trainer = tiny_trainer(
        model,
        output,
        shared_prefix=shared,
        questions_per_generation=1,
        **settings(state.num_processes),
    )
    trainer.generation_config.max_new_tokens = 2 + 4 * state.process_index
    return trained(trainer)


def fixed(model: Path, output: Path, processes: int) -> Logs:
    """A training without chance, whose model is saved to `output/model`."""
    trainer = tiny_trainer(model, output, **settings(processes))
    fix_answers(trainer)
    logs = trained(trainer)
    trainer.save_model(str(output / "model"))
    return logs


def rounded(model: Path, output: Path, processes: int) -> dict[str, bool]:
    """What of a training in bfloat16 holds values of bfloat16 alone, by name."""
    training_args.is_torch_bf16_gpu_available = lambda: True  # TRL asks for a GPU's
    trainer = tiny_trainer(model, output, bf16=True, **settings(processes))
    fix_answers(trainer)
    found: dict[str, bool] = {}

    def look(name: str, values: Tensor) -> None:
        values = values.detach()
        found[name] = torch.equal(values.float(), values.bfloat16().float())

    score = trainer._score

    def scored(model: Any, *arguments: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        logps, entropies = score(model, *arguments)
        look("reference" if model is trainer.ref_model else "policy", logps)
        return logps, entropies

    norm = trainer._get_grad_norm

    def watched(model: Any, grad_norm: Any = None) -> Any:  # noqa: ANN401
        look("gradients", model.get_output_embeddings().weight.grad.to_local())
        return norm(model, grad_norm)

    trainer._score = scored  # type: ignore[method-assign]
    trainer._get_grad_norm = watched
    trainer.args.max_grad_norm = 0.0  # clipping would scale them
    trainer.train()
    return found


def main(model: Path, output: Path) -> None:
    """All trainings, and which kind of distribution they had."""
    state = start()
    logs = {
        "shared": sampled(model, output, state, shared=True),
        "repeated": sampled(model, output, state, shared=False),
        "fixed": fixed(model, output, state.num_processes),
        "kind": AcceleratorState().distributed_type.value,
    }
    if AcceleratorState().distributed_type is DistributedType.FSDP:
        logs["rounded"] = rounded(model, output, state.num_processes)
    if state.is_main_process:
        (output / "logs.json").write_text(json.dumps(logs))
    state.wait_for_everyone()
    state.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
