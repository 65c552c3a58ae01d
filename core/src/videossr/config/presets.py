"""Named configurations, brought by packages as folders of YAML files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossr.extensions import extensions

if TYPE_CHECKING:
    from pathlib import Path


def presets() -> dict[str, Path]:
    """Every preset's file by its name, sorted."""
    folders = extensions().hook.register_presets()
    files = {file.stem: file for folder in folders for file in folder.glob("*.yaml")}
    return dict(sorted(files.items()))


def preset_names() -> list[str]:
    """The names of all presets, sorted."""
    return list(presets())
