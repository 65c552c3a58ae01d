"""The trainer's own path, tried on a few questions: generation, reference, loss, gradients.

All seams of the trainer that a preflight uses are here.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch

from videossr.calls import untraced
from videossr.seeds import derive_seed
from videossr_trainers.engine.encoding import EncodedPrompt
from videossr_trainers.engine.shared_prefix import bare_model
from videossr_trainers.preflight.untouched import untouched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from videossr_trainers.engine.grpo import VideoGRPOTrainer
    from videossr_trainers.preflight.subject import Subject

#: Tokens at which answers are cut, so that a talkative model does not take more than its minute.
MOST_TOKENS: Final = 128


@dataclass(slots=True)
class _Spread:
    """A reward that is never the same twice in a group, so that every answer bears on the loss."""

    group: int
    __name__ = "preflight"

    def __call__(self, *, completions: Sequence[Any], **_: object) -> list[float]:
        return [number % self.group / self.group for number in range(len(completions))]


@dataclass(frozen=True, slots=True, eq=False)
class Tower:
    """What went into the vision tower and came out of it, in one pass through the loss.

    Attributes:
        calls: how often it was called.
        pixels: what went in; None if nothing did.
        features: what came out, after the merger.
    """

    calls: int
    pixels: Tensor | None
    features: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """The loss of some answers and where it pulls.

    Attributes:
        log_probabilities: [B, C], padding at zero.
        gradients: of a few weights, by name; empty where they cannot be had.
        seconds: that loss and gradients took.
    """

    log_probabilities: Tensor
    gradients: dict[str, Tensor]
    tower: Tower
    seconds: float


@contextmanager
def probing(subject: Subject) -> Iterator[VideoGRPOTrainer]:
    """The trainer in training mode, to be used freely: afterwards it is as it was."""
    trainer = subject.going
    config = trainer.generation_config
    most = config.max_new_tokens
    rewards = list(trainer.reward_funcs)
    with untouched(trainer), untraced():
        trainer.model.train()
        trainer.current_gradient_accumulation_steps = 1
        trainer.reward_funcs[:] = [_Spread(trainer.num_generations)] * len(rewards)
        config.max_new_tokens = min(most or MOST_TOKENS, MOST_TOKENS)
        # The same on every process: they then take the same number of steps together.
        torch.manual_seed(derive_seed(subject.config.seed, "preflight") >> 1)
        try:
            yield trainer
        finally:
            config.max_new_tokens = most
            trainer.reward_funcs[:] = rewards


def rollouts(
    trainer: VideoGRPOTrainer, rows: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], float]:
    """A batch of the loss from rows of some questions, and the seconds that it took."""
    since = time.monotonic()
    batch = trainer._generate_and_score_completions(  # noqa: SLF001 - the step itself
        [row for row in rows for _ in range(trainer.num_generations)]
    )
    return batch, time.monotonic() - since


def completions(
    trainer: VideoGRPOTrainer, rows: Sequence[dict[str, Any]]
) -> tuple[list[str], float]:
    """The answers to some questions, those of a group in succession, and the seconds they took."""
    batch, seconds = rollouts(trainer, rows)
    texts = trainer.processing_class.tokenizer.batch_decode(
        [
            ids[mask.bool()]
            for ids, mask in zip(batch["completion_ids"], batch["completion_mask"], strict=True)
        ],
        skip_special_tokens=True,
    )
    return texts, seconds


def with_other_pixels(batch: dict[str, Any]) -> dict[str, Any]:
    """The same prompts, times and answers, and other pictures."""
    name, prompts = _prompts(batch)
    other: dict[int, EncodedPrompt] = {}
    for prompt in prompts:
        if id(prompt) not in other:
            generator = torch.Generator().manual_seed(len(other))
            size = tuple(prompt.patches.shape)
            patches = torch.randint(0, 256, size, generator=generator, dtype=torch.uint8)
            other[id(prompt)] = replace(prompt, patches=patches.to(prompt.patches.device))
    return batch | {name: [other[id(prompt)] for prompt in prompts]}


def place_holders_of(batch: dict[str, Any]) -> int:
    """Video tokens of a batch's prompts, each prompt once."""
    _, prompts = _prompts(batch)
    distinct = {id(prompt): prompt for prompt in prompts}
    return sum(int((prompt.token_types != 0).sum()) for prompt in distinct.values())


def _prompts(batch: dict[str, Any]) -> tuple[str, list[EncodedPrompt]]:
    return next(
        (name, value)
        for name, value in batch.items()
        if isinstance(value, list) and value and isinstance(value[0], EncodedPrompt)
    )


def learn(trainer: VideoGRPOTrainer, batch: dict[str, Any]) -> Learnt:
    """The loss of a batch, as the step computes it, and some of its gradients."""
    _, prompts = _prompts(batch)
    trainer._rows = prompts  # noqa: SLF001 - as the step sets it
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    with torch.no_grad():
        logps, _, _ = trainer._get_per_token_logps_and_entropies(  # noqa: SLF001
            trainer.model, ids, mask, batch["completion_ids"].shape[1]
        )
    since = time.monotonic()
    with _watching(trainer) as seen:
        loss = trainer._compute_loss(trainer.model_wrapped, batch)  # noqa: SLF001
    gradients = _gradients(trainer, loss)
    seconds = time.monotonic() - since
    return Learnt((logps * batch["completion_mask"]).detach(), gradients, seen(), seconds)


@contextmanager
def _watching(trainer: VideoGRPOTrainer) -> Iterator[Any]:
    """Watch the policy's vision tower; gives a function that says what was seen."""
    tower = bare_model(trainer.accelerator.unwrap_model(trainer.model)).model.visual
    calls: list[tuple[Tensor, Tensor]] = []

    def note(_: object, arguments: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:  # noqa: ANN401
        pixels = next(
            v for v in (*arguments, *named.values()) if torch.is_tensor(v) and v.is_floating_point()
        )
        features = getattr(output, "pooler_output", output)
        features = features[0] if isinstance(features, tuple) else features
        calls.append((pixels.detach(), features.detach()))

    hook = tower.register_forward_hook(note, with_kwargs=True)
    try:
        yield lambda: Tower(
            len(calls),
            torch.cat([pixels for pixels, _ in calls]) if calls else None,
            torch.cat([features for _, features in calls]) if calls else None,
        )
    finally:
        hook.remove()


def _gradients(trainer: VideoGRPOTrainer, loss: Tensor) -> dict[str, Tensor]:
    """Of the first and the last trained weight of the vision tower and of the language model."""
    if trainer.is_deepspeed_enabled:
        return {}  # its backward pass would take a step, too
    trained = [(name, w) for name, w in trainer.model.named_parameters() if w.requires_grad]
    parts = [
        [pair for pair in trained if (".visual." in pair[0]) == in_tower]
        for in_tower in (True, False)
    ]
    chosen = {name: weight for part in parts if part for name, weight in (part[0], part[-1])}
    if trainer.is_fsdp_enabled:
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it so
        return {
            name: torch.zeros(1) if weight.grad is None else _whole(weight.grad)
            for name, weight in chosen.items()
        }
    # Without touching what gradients there are, nor the hooks that send them to other processes.
    found = torch.autograd.grad(loss, list(chosen.values()), allow_unused=True)
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient
        for (name, weight), gradient in zip(chosen.items(), found, strict=True)
    }


def _whole(gradient: Any) -> Tensor:  # noqa: ANN401 - a tensor, or one divided among processes
    whole: Tensor = gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient
    return whole.clone()
