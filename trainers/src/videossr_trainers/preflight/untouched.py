"""Leaving a trainer as it was: what a preflight does before the first step shows in none of them."""

from __future__ import annotations

import copy
import random
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from videossr_trainers.engine.shared_prefix import bare_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videossr_trainers.engine.grpo import VideoGRPOTrainer

#: What trl keeps of each batch, lists within lists.
_NESTED: Final = ("_metrics", "_logs", "_pending_extra_logs", "_pending_metrics")


@contextmanager
def untouched(trainer: VideoGRPOTrainer) -> Iterator[None]:
    """Put everything back: chance, the trainer's attributes, the models' modes and gradients."""
    models = [model for model in (trainer.model, trainer.ref_model) if model is not None]
    modes = [(module, module.training) for model in models for module in model.modules()]
    gradients = [(weight, weight.grad) for model in models for weight in model.parameters()]
    inner = [bare_model(trainer.accelerator.unwrap_model(model)).model for model in models]
    deltas = [(one, getattr(one, "rope_deltas", None)) for one in inner]
    attributes = _attributes(trainer)
    progress = copy.copy(vars(trainer.state))
    trackers = trainer.args.report_to
    chance = _chance()
    trainer.args.report_to = []  # trl reports how long its methods take, to trackers, as they run
    for weight, _ in gradients:
        weight.grad = None
    try:
        yield
    finally:
        trainer.args.report_to = trackers
        for module, mode in modes:
            module.training = mode
        for weight, gradient in gradients:
            weight.grad = gradient
        for one, delta in deltas:
            one.rope_deltas = delta
        _restore(trainer, attributes)
        trainer.state.__dict__.clear()
        trainer.state.__dict__.update(progress)
        _set_chance(chance)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _attributes(trainer: VideoGRPOTrainer) -> dict[str, tuple[Any, Any]]:
    """Each attribute as it is, and for containers a copy of what they hold."""
    return {
        name: (value, copy.deepcopy(value) if name in _NESTED else _held(value))
        for name, value in vars(trainer).items()
    }


def _held(value: object) -> object:
    return copy.copy(value) if isinstance(value, list | dict | deque) else None


def _restore(trainer: VideoGRPOTrainer, attributes: dict[str, tuple[Any, Any]]) -> None:
    for name in vars(trainer).keys() - attributes.keys():
        delattr(trainer, name)
    for name, (value, held) in attributes.items():
        setattr(trainer, name, value)
        # In place, since others may look at the same container.
        if isinstance(value, dict):
            value.clear()
            value.update(held)
        elif isinstance(value, list | deque):
            value.clear()
            value.extend(held)


def _chance() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda  # noqa: NPY002


def _set_chance(chance: tuple[Any, ...]) -> None:
    python, numpy, cpu, cuda = chance
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002 - libraries draw from the global generator
    torch.set_rng_state(cpu)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
