"""Which versions a result depends on."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

_PACKAGES: Final = ("videossr-core", "videossr-trainers", "torch", "transformers", "trl", "av")


def versions() -> dict[str, str]:
    """Of the packages that what a model learns, or answers, depends on."""
    return {name: version(name) for name in _PACKAGES}
