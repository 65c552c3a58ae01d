"""Loading the model and its processor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from videossr import ConfigError
from videossr.atomic import making
from videossr.errors import Mistake
from videossr_trainers.models.adapters import adapter_of, merged
from videossr_trainers.models.matrices import quicken_patch_embedding
from videossr_trainers.models.pretrained import read_model, read_processor, refused_as_config
from videossr_trainers.models.tiny import make_tiny
from videossr_trainers.processes import on_main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from videossr_trainers.sections import ModelSection


def locate_model(section: ModelSection, folder: Path, texts: Iterable[str], *, seed: int) -> str:
    """The name or folder to load from; the tiny model, or an adapter merged, is put in `folder` first.

    Merged, an adapter is part of what the KL term's reference loads, and of the base of a new adapter;
    on its own it would be lost from both.

    Args:
        texts: what the tiny model's tokenizer is to know.

    Raises:
        ConfigError: an adapter whose base cannot be loaded.
    """
    if adapter_of(section.name):
        parts = partial(load_model, section.name)
    elif section.name == "tiny":
        parts = partial(make_tiny, texts, seed=seed)
    else:
        return section.name
    on_main(lambda: None if folder.exists() else _save(parts, folder))
    return str(folder)


def _save(make: Callable[[], tuple[Any, Any]], folder: Path) -> None:
    with making(folder) as unfinished:
        for part in make():
            part.save_pretrained(unfinished)


def load_model(
    name: str, revision: str | None = None, dtype: torch.dtype = torch.float32
) -> tuple[Any, Any]:
    """A model and its processor, from a folder or the hub.

    A folder with a LoRA adapter gives the whole model, the adapter merged into its base in float32,
    whatever the type that is asked for.

    Args:
        dtype: how weights are kept. Those that are trained are float32: at a learning rate of 1e-6 a step
            is far below the resolution of bfloat16, and they would stay as they are. Computation may
            still be in bfloat16, by autocast.

    Raises:
        ConfigError: nothing can be loaded under that name.
    """
    adapter = adapter_of(name)
    if adapter:
        try:
            base, _ = load_model(adapter.base, adapter.revision)
        except ConfigError as error:
            problem = f"{name!r} holds an adapter, and its base {adapter.base!r} cannot be loaded"
            right = f"bring the base back, or name its new place in {adapter.file}"
            raise ConfigError(Mistake("model.name", problem, right)) from error
        return merged(base, name), read_processor(name, None)
    right = "give a Hugging Face name, a folder with a model and its processor, or `tiny`"
    with refused_as_config("model.name", repr(name), right):
        processor = read_processor(name, revision)
        model = read_model(name, revision, dtype)
    quicken_patch_embedding(model)
    return model, processor
