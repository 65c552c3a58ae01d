"""Names of models: which of them can be those of folders alone."""

from __future__ import annotations

from pathlib import Path


def missing_folder(name: str) -> str | None:
    """Why nothing can be loaded from a folder of this name; None where there is one, or the hub may know it.

    The hub would call a path a malformed name of its own.
    """
    path = Path(name)
    if path.is_dir():
        return None
    if path.exists():
        return "is no folder"
    # on the hub a name has an owner at most, and begins with neither a point nor a tilde
    return (
        "no such folder"
        if path.is_absolute() or name[:1] in {".", "~"} or name.count("/") > 1
        else None
    )
