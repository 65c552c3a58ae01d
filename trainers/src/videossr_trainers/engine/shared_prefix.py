"""The answers of a group share their prompt, so compute the prompt once. Exact, on the stock model.

Generation fills a cache from the prompt once and repeats it for the N answers. For log-probabilities
and the loss a group is one packed row:

    prompt[:-1] | last, c1[:-1] | last, c2[:-1] | ... | last, cN[:-1]

Every branch sees the prompt and itself, and starts at the same position. The prompt's last token
stands at the head of each branch, so that each position of a branch predicts one token of its answer.

The idea of a shared prefix for log-probabilities and update is PrefixGrouper's (arXiv 2506.05433);
here it covers generation too, and needs no changed copy of a model's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from videossr_trainers.engine.encoding import NO_LABEL

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import GenerationConfig

    from videossr_trainers.engine.encoding import PromptBatch


@dataclass(frozen=True, slots=True, eq=False)
class PackedGroups:
    """G groups of N answers, each group one row of L = P - 1 + N C tokens.

    Attributes:
        input_ids: int64 [G, L].
        attention_mask: bool [G, 1, L, L], true where a query may look.
        positions: int64 [3, G, L].
        targets: int64 [G, L], at each position the token to predict, -100 where none is.
    """

    input_ids: Tensor
    attention_mask: Tensor
    positions: Tensor
    targets: Tensor
    branches: int
    branch_length: int

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What the model takes besides the pictures, by the names of its arguments."""
        return {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "position_ids": self.positions,
        }

    @property
    def first(self) -> int:
        """The first position that predicts a token of an answer."""
        return self.targets.shape[1] - self.branches * self.branch_length

    def unpack(self, values: Tensor) -> Tensor:
        """Values [G, L], or those from `first` on, at the positions of the answers' tokens, as [G N, C]."""
        answers = values[:, -self.branches * self.branch_length :]
        return answers.reshape(-1, self.branch_length)


def pack(prompts: PromptBatch, completions: Tensor, completion_mask: Tensor) -> PackedGroups:
    """Pack the answers of each group behind their prompt.

    Args:
        prompts: G prompts.
        completions, completion_mask: int64 [G N, C], the answers of a group in succession, filled up
            on the right.
    """
    groups, prompt_length = prompts.input_ids.shape
    n, length = len(completions) // groups, completions.shape[1]
    device = completions.device
    heads = prompts.input_ids[:, -1:].repeat_interleave(n, 0)
    branches = torch.cat([heads, completions[:, :-1]], 1).view(groups, n * length)
    ids = torch.cat([prompts.input_ids[:, :-1], branches], 1)

    steps = torch.arange(length, device=device)
    branch_positions = (prompts.positions[:, :, -1:, None] + steps).expand(3, groups, n, length)
    positions = torch.cat([prompts.positions[:, :, :-1], branch_positions.flatten(2)], 2)

    branch = torch.cat(
        [
            torch.full((prompt_length - 1,), -1, device=device),  # the prompt, which all may see
            torch.arange(n, device=device).repeat_interleave(length),
        ]
    )
    visible = (branch[None, :] == -1) | (branch[:, None] == branch[None, :])
    real = torch.cat(
        [
            prompts.attention_mask[:, :-1].bool(),
            torch.ones(groups, n * length, dtype=torch.bool, device=device),
        ],
        1,
    )
    mask = visible.tril()[None] & real[:, None, :]
    # A padded query would see nothing at all, which makes softmax return NaN; let it see itself.
    mask = mask | torch.eye(ids.shape[1], dtype=torch.bool, device=device)

    targets = torch.full_like(ids, NO_LABEL)
    answers = completions.masked_fill(completion_mask == 0, NO_LABEL)
    targets[:, prompt_length - 1 :] = answers.view(groups, n * length)
    return PackedGroups(ids, mask[:, None], positions, targets, n, length)


@torch.no_grad()
def generate_groups(
    model: Any,  # noqa: ANN401 - transformers is untyped
    prompts: PromptBatch,
    n: int,
    generation_config: GenerationConfig,
    *,
    synced_gpus: bool | None = None,
) -> Tensor:
    """Sample N answers to each prompt from one pass over the prompt.

    Args:
        model: a Qwen3-VL for conditional generation, or one inside PEFT.
        prompts: G prompts.
        synced_gpus: as `generate`'s; None lets it decide.

    Returns:
        int64 [G N, C], the answers of a group in succession.
    """
    inner = bare_model(model).model
    filled = model(
        input_ids=prompts.input_ids[:, :-1],
        attention_mask=prompts.attention_mask[:, :-1],
        position_ids=prompts.positions[:, :, :-1],
        use_cache=True,
        logits_to_keep=1,
        **prompts.vision,
    )
    cache = filled.past_key_values
    cache.batch_repeat_interleave(n)
    inner.rope_deltas = prompts.position_offsets.repeat_interleave(n, 0)
    try:
        sequences = model.generate(
            input_ids=prompts.input_ids.repeat_interleave(n, 0),
            attention_mask=prompts.attention_mask.repeat_interleave(n, 0),
            past_key_values=cache,
            generation_config=generation_config,
            synced_gpus=synced_gpus,
        )
    finally:
        inner.rope_deltas = None  # they belong to this cache, not to the model's next caller
    answers: Tensor = sequences[:, prompts.input_ids.shape[1] :]
    return answers


def bare_model(model: Any) -> Any:  # noqa: ANN401 - transformers is untyped
    """The Qwen3-VL itself, out of a PEFT wrapper if it is in one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
