"""Whether a folder may take a run, by the names in it.

Apart from `run_folder.py`, whose imports take seconds, so that a command can tell it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videossr.atomic import UNFINISHED
from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from pathlib import Path

CONFIG: Final = "config.yaml"
PROVENANCE: Final = "provenance.json"
VIDEOS: Final = "videos.json"
PREFLIGHT: Final = "preflight.json"
LOCK: Final = ".lock"

#: What there is of a run before it has a step to keep: a kill, or a fault that the preflight found, may
#: leave these, and another run may begin in their place.
BEGUN: Final = frozenset({LOCK, CONFIG, PROVENANCE, VIDEOS, PREFLIGHT, "start"})


def refuse_used(folder: Path, *, resume: bool) -> None:
    """Raise `ConfigError` for a folder in use, unless it holds a run and that is to be resumed."""
    there = names(folder)
    if not there - {LOCK} or is_unused(folder):
        return
    if not resume:
        right = "add --resume to go on with the run in it, or choose another folder"
        raise ConfigError(Mistake(str(folder), "is not empty", right))
    if not has_provenance(folder) and there - BEGUN:
        right = "choose the folder of a run, or a new one"
        raise ConfigError(Mistake(str(folder), "is not empty, and holds no run to resume", right))


def has_provenance(folder: Path) -> bool:
    """Whether a run was begun in a folder."""
    return (folder / PROVENANCE).exists() and (folder / CONFIG).exists()


def is_unused(folder: Path) -> bool:
    """Whether a run was begun here, and has not come to its first step."""
    return has_provenance(folder) and names(folder) <= BEGUN


def names(folder: Path) -> set[str]:
    """What is in a folder that may not be there; what is under way is left out."""
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    return {name for name in there if not name.endswith(UNFINISHED)}
