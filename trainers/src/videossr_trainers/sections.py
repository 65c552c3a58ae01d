"""The sections of the run configuration that training reads."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoraSection(_Section):
    """A low-rank adapter, which is trained in the place of the model's own weights.

    It needs a learning rate of its own, a hundred times that of full fine-tuning or so.
    """

    rank: Annotated[PositiveInt, Field(description="rank of the two factors of each update")] = 32
    alpha: Annotated[PositiveInt, Field(description="the update is scaled by alpha / rank")] = 64
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of the adapter's inputs that are dropped")
    ] = 0.0
    target_modules: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="names of the linear layers that are adapted; these are the language model's",
        ),
    ] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class ModelSection(_Section):
    """Which model is trained, and which of its weights."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            description="a Hugging Face name or folder; `tiny` makes a small Qwen3-VL of random weights",
        ),
    ] = "Qwen/Qwen3-VL-8B-Instruct"
    revision: Annotated[str | None, Field(description="branch, tag or commit on the hub")] = None
    gradient_checkpointing: Annotated[
        bool, Field(description="recompute activations in the backward pass, to save memory")
    ] = True
    weights: Annotated[
        Literal["float32", "bfloat16"],
        Field(
            description="how weights are kept; bfloat16 only for the frozen ones under `lora`, since a "
            "step at a learning rate of 1e-6 is too small for it"
        ),
    ] = "float32"
    lora: Annotated[
        LoraSection | None,
        Field(
            description="train an adapter: rank, alpha, dropout, target_modules; null trains all weights"
        ),
    ] = None

    @model_validator(mode="after")
    def _steps_are_not_lost(self) -> ModelSection:
        if self.weights == "bfloat16" and self.lora is None:
            raise ValueError(
                "weights: bfloat16 loses the steps of full fine-tuning, which are below its resolution; "
                "set weights to float32, or train an adapter: model.lora={}"
            )
        return self


class WarmStartSection(_Section):
    """Supervised steps on the answers that the questions bring along, before any reward.

    For models that do not know the format of an answer yet, such as `tiny`.
    """

    steps: Annotated[int, Field(ge=0, description="optimizer steps; 0 leaves the stage out")] = 0
    batch_size: Annotated[PositiveInt, Field(description="questions in a step and process")] = 32
    learning_rate: Annotated[PositiveFloat, Field(description="peak of AdamW's learning rate")] = (
        1e-3
    )
    lr_scheduler: Annotated[
        Literal["constant", "linear", "cosine", "warmup_stable_decay"],
        Field(
            description="the learning rate after the warm-up: as it is, or falling to zero; with "
            "warmup_stable_decay as it is, and falling to zero over the last quarter of the steps"
        ),
    ] = "constant"
    warmup_steps: Annotated[int, Field(ge=0, description="steps of linear warm-up")] = 60
    save_steps: Annotated[
        int,
        Field(ge=0, description="steps between checkpoints; with 0 a resumed stage starts over"),
    ] = 100


class GrpoSection(_Section):
    """Group relative policy optimisation. Defaults are those of the paper, section 4."""

    def steps(self, questions: int) -> int:
        """Optimizer steps on so many questions: as many as are asked for, or whole epochs."""
        if self.max_steps is not None:
            return self.max_steps
        return math.ceil(self.epochs * (questions // self.questions_per_step))

    learning_rate: Annotated[PositiveFloat, Field(description="AdamW's learning rate")] = 1e-6
    num_generations: Annotated[int, Field(ge=2, description="rollouts of a question, N")] = 8
    questions_per_step: Annotated[
        PositiveInt, Field(description="questions in an optimizer step, over all processes")
    ] = 64
    questions_per_device: Annotated[
        PositiveInt, Field(description="questions in one forward and backward pass of a process")
    ] = 1
    questions_per_generation: Annotated[
        PositiveInt,
        Field(
            description="questions whose rollouts a process decodes together; with Qwen3-VL-8B and 48 "
            "frames a question takes 2 to 3 GB of caches for its 8 rollouts"
        ),
    ] = 8
    beta: Annotated[NonNegativeFloat, Field(description="weight of the KL term in the loss")] = 1e-3
    entropy_bonus: Annotated[NonNegativeFloat, Field(description="weight of the entropy bonus")] = (
        0.0
    )
    temperature: Annotated[PositiveFloat, Field(description="of the sampled rollouts")] = 1.0
    max_completion_length: Annotated[PositiveInt, Field(description="most tokens of an answer")] = (
        2048
    )
    max_prompt_length: Annotated[
        PositiveInt, Field(description="most tokens of a prompt; a longer one ends the run")
    ] = 8192
    optimizer: Annotated[
        Literal["adamw_torch", "adamw_8bit", "paged_adamw_8bit"],
        Field(
            description="8-bit states take a quarter of the memory, paged ones move to the host when "
            "the device is full; both need the package bitsandbytes"
        ),
    ] = "adamw_torch"
    lr_scheduler: Annotated[
        Literal["constant", "linear", "cosine"],
        Field(description="the learning rate after the warm-up: as it is, or falling to zero"),
    ] = "constant"
    warmup_steps: Annotated[
        int, Field(ge=0, description="steps in which the learning rate rises to its value")
    ] = 0
    epochs: Annotated[PositiveFloat, Field(description="passes over the dataset")] = 1.0
    max_steps: Annotated[
        Annotated[int, Field(ge=0)] | None,
        Field(
            description="optimizer steps at most; null for whole epochs; 0 ends the run after the warm "
            "start, whose model is the run's"
        ),
    ] = None
    loss_type: Annotated[
        Literal["grpo", "dapo", "dr_grpo", "bnpo"], Field(description="how TRL averages tokens")
    ] = "grpo"
    max_grad_norm: Annotated[PositiveFloat, Field(description="gradients are clipped to this")] = (
        1.0
    )
    shared_prefix: Annotated[
        bool,
        Field(description="compute a group's prompt once; false repeats it, as stock code does"),
    ] = True
    loader_workers: Annotated[
        int, Field(ge=0, description="processes that render ahead of the step; 0 renders in line")
    ] = 0
    save_steps: Annotated[
        int, Field(ge=0, description="steps between checkpoints; 0 saves one when stopped only")
    ] = 25
    keep_checkpoints: Annotated[
        PositiveInt | None, Field(description="newest checkpoints that are kept; null for all")
    ] = 2
    max_nonfinite_steps: Annotated[
        PositiveInt,
        Field(description="steps in a row without a finite loss and gradient that end the run"),
    ] = 3
    max_lost_share: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="share of the questions that may be lost with videos that cannot be read",
        ),
    ] = 0.05
    report_to: Annotated[
        tuple[str, ...],
        Field(
            description="trackers, such as tensorboard, wandb or trackio, each a package to install"
        ),
    ] = ()
    log_samples_steps: Annotated[
        int,
        Field(
            ge=0,
            description="steps between those of which a question of each task is shown with its frames, "
            "below run/samples and to the trackers; the first is shown besides; 0 shows none",
        ),
    ] = 50
    store_rollouts: Annotated[
        bool,
        Field(
            description="keep every completion and its reward below run/rollouts, for `videossr reverify`"
        ),
    ] = True
    preflight: Annotated[
        bool,
        Field(
            description="check pixels, times, memory and more before the first step, see docs/preflight.md"
        ),
    ] = True
