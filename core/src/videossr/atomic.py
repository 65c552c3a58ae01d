"""Files and folders that are whole under their name, or not there.

    write_text(path, text)                   # so does write_bytes
    with replacing(path) as unfinished:      # for what writes to a path by itself
        pq.write_table(table, unfinished)
    with making(folder) as unfinished:       # a folder with all that is in it
        (unfinished / "card.md").write_text(card)

What is under way lies beside its place, hidden, as `.NAME.0.unfinished`. It is brought to the disk and then
renamed, so that a reader, a kill or a power cut finds the old or the new, and never a part. Permission bits
are those of any new file, by the umask. After an error nothing is left of it, and what a kill has left is
taken over by whoever writes that name next. Where two write it at the same time, each has a number of its
own, and the last one stays.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Final

from videossr.locks import lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How the names of what is under way end.
UNFINISHED: Final = ".unfinished"

#: A disk without room, and an account without.
FULL_DISK: Final = (errno.ENOSPC, errno.EDQUOT)

#: Errors of bringing something to the disk that mean that it is lost. Others say that it cannot be done here,
#: for a folder or on this file system.
_LOST: Final = (*FULL_DISK, errno.EIO)


def write_text(path: Path, text: str, *, errors: str = "strict", durable: bool = True) -> None:
    """Write a text in UTF-8; see `replacing`.

    Args:
        errors: what becomes of halves of characters, which no file can hold, as for `str.encode`.
    """
    write_bytes(path, text.encode("utf-8", errors), durable=durable)


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file; see `replacing`."""
    with replacing(path, durable=durable) as unfinished:
        unfinished.write_bytes(data)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Write a file that takes the place of an older one in one step.

    Args:
        path: the file; missing folders are made.
        durable: whether it has to outlast a power cut. A cache that can tell a torn file does without:
            bringing a file to the disk takes milliseconds.

    Yields:
        The path to write to, that of an empty file.

    Raises:
        OSError: it cannot be written; names `path` and not what is under way.
    """
    with _aside(path, is_folder=False) as unfinished:
        yield unfinished
        if durable:
            _to_disk(unfinished)
        unfinished.replace(path)
        if durable:
            _to_disk(path.parent)


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Make a folder, which appears with all that is in it.

    Args:
        folder: not there yet; missing folders above it are made.

    Yields:
        An empty folder to fill.

    Raises:
        OSError: it cannot be written, or something has come to be there.
    """
    with _aside(folder, is_folder=True) as unfinished:
        yield unfinished
        _all_to_disk(unfinished)
        unfinished.rename(folder)
        _to_disk(folder.parent)


def publish(aside: Path, folder: Path, *, replace: bool = True) -> None:
    """Give a folder that was filled aside its name.

    Args:
        aside: on the same disk, called something with `UNFINISHED` at the end, so that
            `clear_unfinished` knows it.
        replace: whether what had that name goes.

    Raises:
        OSError: something is there that may not be replaced.
    """
    _all_to_disk(aside)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if replace:
        take_away(folder)
    aside.rename(folder)
    _to_disk(folder.parent)


def take_away(folder: Path) -> None:
    """Remove a folder if it is there, so that a kill in the middle leaves nothing under its name."""
    if folder.exists():
        with _aside(folder, is_folder=True) as gone:
            folder.rename(gone / folder.name)


def clear_unfinished(folder: Path) -> None:
    """Remove what kills have left in a folder, to which this process alone may be writing."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith(".") and path.name.endswith(UNFINISHED):
            _remove(path)


@contextmanager
def _aside(place: Path, *, is_folder: bool) -> Iterator[Path]:
    """An empty file or folder beside a place, which goes in the end unless it was renamed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    path, handle = _claimed(place, is_folder=is_folder)
    try:
        yield path
    except OSError as error:
        # Writing without room names no file, and what is aside says little to whoever reads the error.
        if error.filename == str(path) or (error.filename is None and error.errno in FULL_DISK):
            error.filename = str(place)
            del error.filename2  # of a rename
        raise
    finally:
        # Once it was renamed, its name beside the place may be another's.
        if handle is None or _is(path, handle):
            _remove(path)
        if handle is not None:
            os.close(handle)


def _claimed(place: Path, *, is_folder: bool) -> tuple[Path, int | None]:
    """A new file or folder beside a place, and what its lock hangs on; None where there are no locks."""
    for number in count():
        path = place.with_name(f".{place.name}.{number}{UNFINISHED}")
        try:
            _clear_abandoned(path)
            path.mkdir() if is_folder else path.touch(exist_ok=False)
            return path, _lock(path)
        except (FileExistsError, BlockingIOError):
            continue  # another is at work under this name
        except OSError as error:
            error.filename = str(place)
            raise
    raise AssertionError  # numbers have no end


def _clear_abandoned(path: Path) -> None:
    """Remove what a kill has left.

    Raises:
        FileExistsError, BlockingIOError: it may be in use.
    """
    if path.exists():
        handle = _lock(path)
        if handle is None:
            raise FileExistsError
        _remove(path)
        os.close(handle)


def _lock(path: Path) -> int | None:
    """Lock a file or folder for as long as the handle is open and the process lives.

    Returns:
        The handle; None where there are no locks.

    Raises:
        BlockingIOError: another has locked it, or has removed it meanwhile.
    """
    if sys.platform == "win32":  # opens no folders
        return None
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise BlockingIOError from error
    except OSError:
        return None
    kept = None
    try:
        if not lock(handle):
            return None
        if not _is(path, handle):  # what was opened may have been renamed
            raise BlockingIOError
        kept = handle
    finally:
        if kept is None:
            os.close(handle)
    return kept


def _is(path: Path, handle: int) -> bool:
    """Whether a name is still that of what a handle was opened on."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _all_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        _to_disk(path)
    _to_disk(folder)


def _to_disk(path: Path) -> None:
    """Have the system write a file, or a folder's entries, out of its caches."""
    if sys.platform == "win32":  # opens no folders, and syncs nothing that is opened for reading
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in _LOST:
            raise
    finally:
        os.close(handle)
