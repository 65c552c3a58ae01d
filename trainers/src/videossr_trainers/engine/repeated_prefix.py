"""The prompt of a group once for each of its answers, as stock code does it.

Several times dearer than `shared_prefix.py`, and the same otherwise, name by name: the oracle that the
tests and the benchmarks compare with.
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
class RepeatedRows:
    """B answers of C tokens, each behind its own prompt: B rows of L = P + C tokens.

    Attributes:
        input_ids, attention_mask, token_types: int64 [B, L].
        targets: int64 [B, L], at each position the token to predict, -100 where none is.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_types: Tensor
    targets: Tensor
    length: int

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What the model takes besides the pictures, by the names of its arguments."""
        return {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "mm_token_type_ids": self.token_types,
        }

    @property
    def first(self) -> int:
        """The first position that predicts a token of an answer."""
        return self.targets.shape[1] - self.length - 1

    def unpack(self, values: Tensor) -> Tensor:
        """Values [B, L], or those from `first` on, at the positions of the answers' tokens, as [B, C]."""
        return values[:, -self.length - 1 : -1]


def repeat(prompts: PromptBatch, completions: Tensor, completion_mask: Tensor) -> RepeatedRows:
    """Put each answer behind its prompt.

    Args:
        prompts: B prompts, the same one for each answer of a group.
        completions, completion_mask: int64 [B, C], filled up on the right.
    """
    length = completions.shape[1]
    ids = torch.cat([prompts.input_ids, completions], 1)
    targets = torch.full_like(ids, NO_LABEL)
    targets[:, -length - 1 : -1] = completions.masked_fill(completion_mask == 0, NO_LABEL)
    return RepeatedRows(
        ids,
        torch.cat([prompts.attention_mask, completion_mask], 1),
        torch.cat([prompts.token_types, torch.zeros_like(completions)], 1),
        targets,
        length,
    )


@torch.no_grad()
def generate_rows(
    model: Any,  # noqa: ANN401 - transformers is untyped
    prompts: PromptBatch,
    generation_config: GenerationConfig,
    *,
    synced_gpus: bool | None = None,
) -> Tensor:
    """Sample an answer to each prompt.

    Args:
        prompts: B prompts.
        synced_gpus: as `generate`'s; None lets it decide.

    Returns:
        int64 [B, C].
    """
    sequences = model.generate(
        input_ids=prompts.input_ids,
        attention_mask=prompts.attention_mask,
        mm_token_type_ids=prompts.token_types,
        generation_config=generation_config,
        synced_gpus=synced_gpus,
        **prompts.vision,
    )
    answers: Tensor = sequences[:, prompts.input_ids.shape[1] :]
    return answers
