"""Locks on open files: one process at a time is at a piece of work, and a kill lets go of it.

Where files cannot be locked, as on Windows and on some network file systems, there are no locks, and whoever
asks for one goes on without.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def lock(handle: int, *, inherited: bool = True, wait: bool = False) -> bool:
    """Lock an open file or folder until it is closed.

    Args:
        handle: of the file; open for writing unless `inherited`.
        inherited: whether children that are given the handle hold the lock too, and keep it if they outlive
            this process; otherwise it is of this process alone.
        wait: until it is free.

    Returns:
        Whether it is locked; False where files cannot be.

    Raises:
        BlockingIOError: another has it.
    """
    if sys.platform == "win32":
        return False
    take = fcntl.flock if inherited else fcntl.lockf
    # POSIX lets `lockf` say either.
    taken = (BlockingIOError,) if inherited else (BlockingIOError, PermissionError)
    try:
        take(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except taken as error:
        raise BlockingIOError(error.errno, error.strerror) from error
    except OSError:
        return False
    return True


@contextmanager
def held(path: Path, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold a lock until the end, and wait for it if need be.

    Args:
        path: of a file for it, which is made and stays.
        waiting: called if another has the lock.

    Yields:
        The file's handle. A process that is given it holds the lock too, also when this one was killed;
        one that is started by a launcher in between is not given it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        handle = file.fileno()
        try:
            lock(handle)
        except BlockingIOError:
            waiting()
            lock(handle, wait=True)
        yield handle
