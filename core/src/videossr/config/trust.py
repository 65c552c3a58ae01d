"""Whose code runs: folders of plugins that a configuration names run once the user has named them too.

A configuration and a dataset are passed on, and whoever opens one has not read what lies in the folders that
it names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Folders in which, and below which, everything may run; several as in PATH.
VARIABLE: Final = "VIDEOSSR_PLUGINS_TRUST"


def refuse_untrusted(folders: Iterable[str], named: Iterable[Path]) -> None:
    """Refuse the folders of plugins that only a configuration names.

    Args:
        folders: that the configuration names.
        named: by the user.

    Raises:
        ConfigError: with each that the user has not named, nor a folder above it in the environment.
    """
    allowed = {folder.resolve() for folder in named}
    trusted = [top for top in os.environ.get(VARIABLE, "").split(os.pathsep) if top]
    tops = [Path(top).resolve() for top in trusted]
    mistakes = [
        Mistake(
            "plugins.folders",
            f"{folder!r} holds code, which no configuration may run by itself",
            f"if you know what is in it, allow it: --plugins-dir {folder}, or {VARIABLE}={folder}",
        )
        for folder in dict.fromkeys(folders)
        if (path := Path(folder).resolve()) not in allowed
        and not any(path.is_relative_to(top) for top in tops)
    ]
    if mistakes:
        raise ConfigError(mistakes)


def trust(folders: Iterable[Path]) -> None:
    """Let the code in folders that the user has named run in what this process starts."""
    named = [str(folder.resolve()) for folder in folders]
    if named:
        os.environ[VARIABLE] = os.pathsep.join(filter(None, [os.environ.get(VARIABLE), *named]))
