"""LoRA: the adapter that is trained, and the one that is found in a folder.

A run that trains an adapter saves the adapter alone, in float32: it is small, and merged into a base of
bfloat16 it would lose what it learnt. Loading puts it on its base again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftModel

from videossr import ConfigError
from videossr.errors import Mistake

if TYPE_CHECKING:
    from videossr_trainers.sections import LoraSection


@dataclass(frozen=True, slots=True)
class Adapter:
    """Where an adapter says that its base is.

    Attributes:
        file: its configuration.
        base, revision: folder or hub name, and the revision there.
    """

    file: Path
    base: str
    revision: str | None


def adapter_of(folder: str) -> Adapter | None:
    """The adapter in a folder; None where there is none."""
    file = Path(folder) / "adapter_config.json"
    if not file.is_file():
        return None
    facts = json.loads(file.read_text())
    return Adapter(file, facts["base_model_name_or_path"], facts.get("revision"))


def merged(model: Any, folder: str) -> Any:  # noqa: ANN401 - transformers is untyped
    """The adapter of a folder merged into its base, which is changed."""
    return PeftModel.from_pretrained(model, folder).merge_and_unload()


def lora_config(section: LoraSection, model: Any, revision: str | None) -> LoraConfig:  # noqa: ANN401
    """The section in PEFT's terms, checked against the model.

    Raises:
        ConfigError: a layer that the model does not have, or its head, which GRPO reads directly.
    """
    linear = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    right = "known are " + ", ".join(sorted(linear - {"lm_head"}))
    mistakes = [
        Mistake("model.lora.target_modules", f"{name!r} cannot be adapted", right)
        for name in section.target_modules
        if name not in linear - {"lm_head"}
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return LoraConfig(
        r=section.rank,
        lora_alpha=section.alpha,
        lora_dropout=section.dropout,
        target_modules=list(section.target_modules),
        revision=revision,  # so that the adapter finds its base again
        task_type="CAUSAL_LM",
    )
