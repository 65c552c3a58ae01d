"""Loading a checkpoint to ask it: any model for video that transformers knows, or a LoRA adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from peft import PeftModel
from transformers.utils.peft_utils import find_adapter_config_file

from videossr import ConfigError
from videossr.errors import Mistake
from videossr_trainers.models.adapters import Adapter, adapter_of
from videossr_trainers.models.identity import content_of, folder_hash
from videossr_trainers.models.matrices import quicken_patch_embedding
from videossr_trainers.models.pretrained import read_model, read_processor, refused_as_config
from videossr_trainers.processes import join_processes

Precision = Literal["auto", "bfloat16", "float32"]

#: Models that are read by our own encoder, with the frames' real times.
OWN_FAMILY: Final = ("qwen3_vl", "qwen3_vl_moe")

_RIGHT: Final = "give a folder with a model and its processor, an adapter, or a Hugging Face name"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A model ready to be asked.

    Attributes:
        identity: the content of all that determines its answers, as plain values.
    """

    model: Any
    processor: Any
    identity: dict[str, str]


def load_checkpoint(
    name: str, revision: str | None = None, *, precision: Precision = "auto"
) -> Checkpoint:
    """Load a model and its processor onto this process's device.

    An adapter stays beside its base: merged into weights of bfloat16, most of what it learnt would be
    rounded away.

    Args:
        name: a folder, or a name on the hub; with an adapter in it, its base is loaded too.
        revision: branch, tag or commit on the hub.
        precision: of weights and computation; `auto` is bfloat16 on a GPU and float32 elsewhere.

    Raises:
        ConfigError: nothing can be loaded, the model takes no video, or an adapter's base is missing.
    """
    device = join_processes().device
    dtype = _dtype(precision, device)
    adapter = _adapter(name, revision)
    base, base_revision = (adapter.base, adapter.revision) if adapter else (name, revision)
    where = f"--model {name}"
    what = f"{base!r}, the base of the adapter {name!r}" if adapter else repr(name)
    with refused_as_config(where, what, _RIGHT):
        # Straight onto the GPU: as many copies on the host as there are GPUs would not fit there.
        model = read_model(
            base, base_revision, dtype, straight_to=device if device.type == "cuda" else None
        )
    processor = _processor(name, revision, base, base_revision)
    refuse_blind(model, processor, where)
    identity = {"model": _content(base, base_revision), "dtype": str(dtype).removeprefix("torch.")}
    if model.config.model_type in OWN_FAMILY:
        quicken_patch_embedding(model)
    if adapter:
        with refused_as_config(where, repr(name), _RIGHT):
            model = PeftModel.from_pretrained(model, name, revision=revision)
        identity["adapter"] = folder_hash(adapter.file.parent)
    return Checkpoint(model.to(device).eval(), processor, identity)


def refuse_blind(model: Any, processor: Any, where: str) -> None:  # noqa: ANN401
    """Raise `ConfigError` for a model that takes no video."""
    takes = getattr(model, "input_modalities", ())
    if "video" not in takes or getattr(processor, "video_processor", None) is None:
        found = f"{type(model).__name__} takes {', '.join(takes) or 'no pictures'} and no video"
        right = "give a model for video, such as Qwen/Qwen3-VL-8B-Instruct"
        raise ConfigError(Mistake(where, found, right))


def _dtype(precision: Precision, device: torch.device) -> torch.dtype:
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _adapter(name: str, revision: str | None) -> Adapter | None:
    """What an adapter in a folder or on the hub says of its base; None for a whole model."""
    try:
        file = find_adapter_config_file(name, revision=revision)
    except (OSError, ValueError):
        return None  # loading says better what is wrong with the name
    return adapter_of(str(Path(file).parent)) if file else None


def _processor(name: str, revision: str | None, base: str, base_revision: str | None) -> Any:  # noqa: ANN401
    """The checkpoint's own processor, or else its base's."""
    if base == name:
        with refused_as_config(f"--model {name}", repr(name), _RIGHT):
            return read_processor(name, revision)
    try:
        return read_processor(name, revision)
    except (OSError, ValueError):
        return _processor(base, base_revision, base, base_revision)


def _content(name: str, revision: str | None) -> str:
    """A model's commit on the hub, or what its folder holds, which may be called `tiny` here."""
    folder = Path(name)
    found = content_of(str(folder.absolute()) if folder.is_dir() else name, revision)
    return found or f"{name}@None"
