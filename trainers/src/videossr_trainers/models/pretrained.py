"""Reading a model or its processor from a folder or the hub, whether to train it or to ask it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from videossr import ConfigError
from videossr.errors import Mistake
from videossr_trainers.models.names import missing_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_model(
    name: str, revision: str | None, dtype: torch.dtype, *, straight_to: torch.device | None = None
) -> Any:  # noqa: ANN401 - transformers is untyped
    """A model for pictures and text, with the attention that everything here is checked with.

    Args:
        name: a folder, or a name on the hub.
        revision: branch, tag or commit on the hub.
        dtype: of its weights.
        straight_to: a device to read onto, without a copy on the host; None for the host.

    Raises:
        FileNotFoundError: the name is that of a folder, and there is none.
    """
    _refuse_missing(name)
    return AutoModelForImageTextToText.from_pretrained(
        name,
        revision=revision,
        trust_remote_code=False,  # left open, transformers would ask on the terminal
        use_safetensors=True,  # pickles could run code
        dtype=dtype,
        attn_implementation="sdpa",
        device_map=str(straight_to) if straight_to else None,
    )


def read_processor(name: str, revision: str | None) -> Any:  # noqa: ANN401
    """A model's processor.

    Raises:
        FileNotFoundError: the name is that of a folder, and there is none.
    """
    _refuse_missing(name)
    return AutoProcessor.from_pretrained(name, revision=revision, trust_remote_code=False)


def _refuse_missing(name: str) -> None:
    if problem := missing_folder(name):
        raise FileNotFoundError(problem)


@contextmanager
def refused_as_config(where: str, what: str, right: str) -> Iterator[None]:
    """Around reading: whatever says that there is nothing to be read becomes a `ConfigError`.

    Args:
        where: the field or option that names it.
        what: is read, in words.
        right: what to give instead.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise  # there is nothing wrong with the name
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(Mistake(where, f"{what} cannot be loaded: {reason}", right)) from error
