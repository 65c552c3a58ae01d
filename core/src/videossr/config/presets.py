"""Named configurations, brought by packages as folders of YAML files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossr.extensions import extensions

if TYPE_CHECKING:
    from pathlib import Path


def presets() -> dict[str, Path]:
    """Every preset's file by its name, sorted."""
    return extensions().presets()


def preset_names() -> list[str]:
    """The names of all presets, sorted."""
    return list(presets())
