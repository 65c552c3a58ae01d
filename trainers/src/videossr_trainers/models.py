"""Loading the model and its processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from videossr import ConfigError
from videossr.errors import Mistake
from videossr_trainers.tiny import save_tiny

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from videossr_trainers.sections import ModelSection


def locate_model(section: ModelSection, folder: Path, texts: Iterable[str], *, seed: int) -> str:
    """The name or folder to load from; the tiny model is made in `folder` first.

    Args:
        texts: what the tiny model's tokenizer is to know.
    """
    return str(save_tiny(folder, texts, seed=seed)) if section.name == "tiny" else section.name


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
    # Frames come at the size they are to have. Its default is about to change, and warns of it.
    processor.video_processor.cap_pixels_per_frame = False
    return model, processor
