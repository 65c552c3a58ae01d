"""Packages that add commands, sections of the configuration and presets.

They have an entry-point group of their own, so that `videossr --help` need not import every task.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from videossr.registry import COMMANDS_GROUP, plugin_manager

if TYPE_CHECKING:
    import pluggy


@cache
def extensions() -> pluggy.PluginManager:
    """The installed extensions, loaded once. One that cannot be imported is warned about and left out."""
    manager = plugin_manager()
    for point in sorted(entry_points(group=COMMANDS_GROUP), key=lambda point: point.name):
        try:
            manager.register(point.load(), point.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
            bringer = point.dist.name if point.dist else point.value
            warnings.warn(
                f"commands of {bringer} left out: importing {point.value} raised "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
    return manager
