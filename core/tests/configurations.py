"""Configurations that are written, and what is found to be wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from toy_plugins import (
    toys,
)

from videossr import ConfigError
from videossr.config import resolve
from videossr.config.load import read_tree

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.registry import Registry

SMALL: dict[str, Any] = {"tasks": {"pick": {}}}


class OvenSection(BaseModel):
    """A section that an extension reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    degrees: Annotated[int, Field(ge=0, le=300, description="how hot it gets")] = 180


def write(folder: Path, **files: str) -> Path:
    """Write YAML files, and give the first."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{next(iter(files))}.yaml"


def mistakes(tree: dict[str, Any], registry: Registry | None = None) -> list[str]:
    """What is wrong with a tree."""
    with pytest.raises(ConfigError) as caught:
        resolve(tree, registry or toys())
    return [str(mistake) for mistake in caught.value.mistakes]


def misread(path: Path | str, *overrides: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(ConfigError) as caught:
        read_tree(path, overrides)
    return [str(mistake) for mistake in caught.value.mistakes]
