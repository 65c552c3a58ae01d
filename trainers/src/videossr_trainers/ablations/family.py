"""A process and all that it has started."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped] # its stubs are a package of their own

if TYPE_CHECKING:
    import subprocess


def family_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """What a process has started, directly or not."""
    try:
        return list(psutil.Process(process.pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def lives(process: psutil.Process) -> bool:
    """Whether a process has not ended."""
    try:
        # In a container nobody may take notice of an orphan's end.
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill(process: subprocess.Popen[bytes], known: list[psutil.Process] | None = None) -> None:
    """Kill a process and all that it has started, at once.

    Args:
        process: whose family it is.
        known: members that were seen before, whose own parents may be gone.
    """
    for one in {*(known or ()), *family_of(process)}:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.kill()
    process.wait()
