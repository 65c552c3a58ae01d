"""How a run ends that cannot go on: an error that says what to do, and what is left to go on from."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from videossr import VideossrError
from videossr.atomic import FULL_DISK

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How libraries that write from C++ or Rust tell of a full disk.
_WORDS: Final = (
    "No space left",
    "os error 28",
    "Disk quota exceeded",
    "PytorchStreamWriter failed writing",
    "inline_container",
)


class TrainingError(VideossrError):
    """A run that cannot go on."""


def is_full_disk(error: BaseException) -> bool:
    """Whether an error tells of a disk that is full."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL_DISK
    return any(word in str(error) for word in _WORDS)


def full_disk(error: BaseException, file: Path, advice: str) -> TrainingError:
    """The error for a file that could not be written.

    Args:
        error: what writing it raised.
        file: that was being written.
        advice: what is left, and what to do.
    """
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "disk full"
    place = next(folder for folder in (file, *file.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    return TrainingError(
        f"{file}: cannot be written ({reason}; {free:,} bytes are free there); {advice}"
    )


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Say of a full disk, met while a file or anything in a folder is written, which file it was."""
    try:
        yield
    except OSError as error:
        if not is_full_disk(error):
            raise
        file = Path(os.fsdecode(error.filename)) if error.filename else path
        raise full_disk(error, file, "make room, and go on with --resume") from error
