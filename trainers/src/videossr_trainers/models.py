"""Loading the model and its processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from accelerate import PartialState
from transformers import AutoModelForImageTextToText, AutoProcessor

from videossr import ConfigError
from videossr.errors import Mistake
from videossr_trainers.tiny import save_tiny

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor

    from videossr_trainers.sections import ModelSection


def locate_model(section: ModelSection, folder: Path, texts: Iterable[str], *, seed: int) -> str:
    """The name or folder to load from; the tiny model is made in `folder` first.

    Args:
        texts: what the tiny model's tokenizer is to know.
    """
    if section.name != "tiny":
        return section.name
    state = PartialState()
    if state.is_main_process:
        save_tiny(folder, texts, seed=seed)
    state.wait_for_everyone()
    return str(folder)


def load_model(name: str, revision: str | None = None) -> tuple[Any, Any]:
    """A model and its processor, from a folder or the hub.

    Weights are float32: at a learning rate of 1e-6 a step is far below the resolution of bfloat16, and
    the weights would stay as they are. Computation may still be in bfloat16, by autocast.

    Raises:
        ConfigError: nothing can be loaded under that name.
    """
    try:
        processor = AutoProcessor.from_pretrained(name, revision=revision)
        model = AutoModelForImageTextToText.from_pretrained(
            name, revision=revision, dtype=torch.float32, attn_implementation="sdpa"
        )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        right = "give a Hugging Face name, a folder with a model and its processor, or `tiny`"
        raise ConfigError(
            Mistake("model.name", f"{name!r} cannot be loaded: {reason}", right)
        ) from error
    quicken_patch_embedding(model)
    return model, processor


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
