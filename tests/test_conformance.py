"""Every plugin of this repository keeps every rule. No failure is expected."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from videossr.registry import Registry
from videossr.testing import parametrize_with_checks

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY: Final = Path(__file__).resolve().parents[1]


def plugin_names() -> list[str]:
    """The names that the packages below plugins/ declare."""
    files = sorted((REPOSITORY / "plugins").glob("*/pyproject.toml"))
    projects = [tomllib.loads(file.read_text())["project"] for file in files]
    return [name for project in projects for name in project["entry-points"]["videossr"]]


def test_every_plugin_is_installed() -> None:
    """There are some, and the registry finds them all."""
    assert plugin_names()
    assert set(plugin_names()) <= set(Registry().names)


@parametrize_with_checks(*plugin_names())
def test_conformance(check: Callable[[], None]) -> None:
    """The plugin keeps the rule."""
    check()
