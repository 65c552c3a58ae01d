"""The same values from cheaper products: patches embedded by a matrix, a frozen model's matrices rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor


class _PatchEmbedding(torch.nn.Conv3d):
    """A convolution whose input is exactly one patch, done as the matrix product that it is."""

    def forward(self, patches: Tensor) -> Tensor:
        """Embed patches [N, C, T, H, W]; as the convolution, [N, D, 1, 1, 1]."""
        weight = self.weight.flatten(1)
        return torch.nn.functional.linear(patches.flatten(1), weight, self.bias)[
            :, :, None, None, None
        ]


def quicken_patch_embedding(model: Any) -> None:  # noqa: ANN401 - transformers is untyped
    """Embed patches by a matrix product rather than a convolution, in place.

    The same weights, the same values, and several times quicker where convolutions in three dimensions
    are slow.
    """
    convolution = model.model.visual.patch_embed.proj
    if type(convolution) is torch.nn.Conv3d and convolution.kernel_size == convolution.stride:
        convolution.__class__ = _PatchEmbedding


def round_matrices(model: torch.nn.Module) -> None:
    """Keep the matrices of a frozen model in bfloat16, in place, where they are computed with in it.

    Under autocast a matrix is rounded to bfloat16 in each product anyway, so every value stays as it was,
    to the bit, and the model takes half the memory. Embeddings and norms, which autocast leaves
    alone, stay in float32.
    """
    embeddings = {
        id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)
    }
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | _PatchEmbedding):
            for weight in module.parameters(recurse=False):
                if id(weight) not in embeddings:  # a head that is tied to the embedding
                    weight.data = weight.data.to(torch.bfloat16)
