"""The sections of the run configuration that training reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """Which model is trained."""

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


class WarmStartSection(_Section):
    """Supervised steps on the answers that the questions bring along, before any reward.

    For models that do not know the format of an answer yet, such as `tiny`.
    """

    steps: Annotated[int, Field(ge=0, description="optimizer steps; 0 leaves the stage out")] = 0
    batch_size: Annotated[PositiveInt, Field(description="questions in a step and process")] = 32
    learning_rate: Annotated[PositiveFloat, Field(description="peak of AdamW's learning rate")] = (
        1e-3
    )
    warmup_steps: Annotated[int, Field(ge=0, description="steps of linear warm-up")] = 60


class GrpoSection(_Section):
    """Group relative policy optimisation. Defaults are those of the paper, section 4."""

    learning_rate: Annotated[PositiveFloat, Field(description="AdamW's learning rate")] = 1e-6
    num_generations: Annotated[int, Field(ge=2, description="rollouts of a question, N")] = 8
    questions_per_step: Annotated[
        PositiveInt, Field(description="questions in an optimizer step, over all processes")
    ] = 64
    questions_per_device: Annotated[
        PositiveInt, Field(description="questions in one forward and backward pass of a process")
    ] = 1
    beta: Annotated[NonNegativeFloat, Field(description="weight of the KL term in the loss")] = 1e-3
    entropy_bonus: Annotated[NonNegativeFloat, Field(description="weight of the entropy bonus")] = (
        0.0
    )
    temperature: Annotated[PositiveFloat, Field(description="of the sampled rollouts")] = 1.0
    max_completion_length: Annotated[PositiveInt, Field(description="most tokens of an answer")] = (
        2048
    )
    epochs: Annotated[PositiveFloat, Field(description="passes over the dataset")] = 1.0
    max_steps: Annotated[
        PositiveInt | None, Field(description="optimizer steps at most; null for whole epochs")
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
        int, Field(ge=0, description="steps between checkpoints; 0 saves the final model only")
    ] = 0
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
