"""What a run is made of, written into its folder before it starts."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import xxhash
from omegaconf import OmegaConf

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset


def write_provenance(config: RunConfig, dataset: Dataset, folder: Path) -> None:
    """Write what the run is made of, before it starts."""
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.create(config.tree()), folder / "config.yaml")
    digests = xxhash.xxh3_128(
        "\n".join(f"{recipe.seed} {recipe.digest}" for recipe in dataset.recipes).encode()
    ).hexdigest()
    packages = ("videossr-core", "videossr-trainers", "torch", "transformers", "trl", "av")
    facts = {
        "seed": config.seed,
        "versions": {name: version(name) for name in packages},
        "python": platform.python_version(),
        "plugins": config.provenance,
        "dataset": {"questions": len(dataset.recipes), "digest": digests},
        "floors": dataset.floors,
    }
    (folder / "provenance.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
