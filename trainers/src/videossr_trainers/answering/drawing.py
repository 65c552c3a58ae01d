"""Drawing tokens so that a question's answers depend on the question alone.

`generate` draws a whole batch from one generator, so what a question is answered depends on its
neighbours. Here every answer has a generator of its own. Its tokens are drawn by the Gumbel-max trick:
the token with the highest `score / temperature + noise`, the noise standard Gumbel, is distributed as
the softmax of `score / temperature` is. Against rounding that is the safest way: a token changes only
where two leaders tie, whereas the steps of a cumulative sum lie close together everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import LogitsProcessor

if TYPE_CHECKING:
    from torch import Tensor


class OwnDraws(LogitsProcessor):  # type: ignore[misc] # transformers is untyped
    """Leaves each row one token, drawn by the row's own generator.

    Args:
        seeds: of the rows.
        temperature: above 0.
        device: where scores are, and the noise is made; another kind of device makes another.
    """

    def __init__(self, seeds: list[int], temperature: float, device: torch.device) -> None:
        self.temperature = temperature
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores [B, vocabulary] with all but the drawn token at minus infinity."""
        del input_ids
        noise = torch.empty_like(scores)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        drawn = (scores / self.temperature - noise.log()).argmax(1, keepdim=True)
        return torch.full_like(scores, -torch.inf).scatter(1, drawn, 0.0)
