"""What a model is: its content, which tells it from another of the same name.

The hash of a folder is kept between commands, by the names, sizes, times and inodes of its files: a large model
takes minutes to read.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import xxhash
from transformers.utils.hub import cached_file, extract_commit_hash

from videossr.atomic import write_text
from videossr.floor_cache import cache_folder
from videossr_trainers.models.adapters import adapter_of
from videossr_trainers.models.names import missing_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The name of the model that is made on the spot.
TINY: Final = "tiny"

#: What a checkpoint is made of; the rest of a folder, such as an optimizer's state, answers nothing.
_DECIDING: Final = ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin", "*.json", "*.jinja")
_PART: Final = 2**24  # bytes

#: A file that was written since may be written again in the same tick of the file system's clock.
_SECONDS_TO_SETTLE: Final = 2.0

_HASH: Final = re.compile(r"[0-9a-f]{32}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def content_of(name: str, revision: str | None = None) -> str | None:
    """What a model is, the same wherever its folder lies.

    Args:
        name: a folder, a name on the hub, or `tiny`.
        revision: branch, tag or commit on the hub.

    Returns:
        Of a folder a hash of its content, of an adapter's folder together with the content of its base; of a name
        on the hub that and the commit; of `tiny` the name. None where it cannot be known: there is no such folder,
        or neither the hub nor its cache tells the commit.
    """
    if name == TINY:
        return name
    if Path(name).is_dir():
        own, adapter = folder_hash(Path(name)), adapter_of(name)
        return f"{own} on {content_of(adapter.base, adapter.revision)}" if adapter else own
    commit = None if missing_folder(name) else _commit(name, revision)
    return f"{name}@{commit}" if commit else None


def commit_in(content: str) -> str | None:
    """The commit of a model on the hub, by its content; None for any other."""
    name, _, commit = content.rpartition("@")
    return commit if name and _COMMIT.fullmatch(commit) else None


def folder_hash(folder: Path) -> str:
    """A hash (XXH3, 128 bits, hexadecimal) of the files that decide, with their names."""
    files = sorted({file for pattern in _DECIDING for file in folder.glob(pattern)})
    stamps = [_stamp(file) for file in files]
    latest = max((ticks for _, _, *times, _ in stamps for ticks in times), default=0)
    settled = time.time_ns() - latest > _SECONDS_TO_SETTLE * 1e9
    known = json.dumps([str(folder.resolve()), stamps])
    kept = cache_folder() / "models" / xxhash.xxh3_128_hexdigest(known.encode())
    with suppress(OSError, ValueError):
        found = kept.read_text(encoding="ascii")
        if _HASH.fullmatch(found):
            return found
    found = _hashed(files)
    if settled:
        with suppress(OSError):  # a cache that cannot be written costs time and nothing else
            write_text(kept, found, durable=False)
    return found


def _stamp(file: Path) -> tuple[str, int, int, int, int]:
    """What changes with a file: name, bytes, when it was written and changed in nanoseconds, inode.

    Whoever copies a file with its times cannot set the second of them.
    """
    found = file.stat()
    return file.name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _hashed(files: Sequence[Path]) -> str:
    hasher = xxhash.xxh3_128()
    for file in files:
        hasher.update(f"{file.name}:{file.stat().st_size}:".encode())
        for part in _parts(file):
            hasher.update(part)
    return hasher.hexdigest()


def _parts(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while part := opened.read(_PART):
            yield part


@cache
def _commit(name: str, revision: str | None) -> str | None:
    """The commit that is loaded, as the hub or its cache says; None where neither does."""
    if revision and _COMMIT.fullmatch(revision):
        return revision
    try:
        # The file that loading begins with, so that there is nothing else to know afterwards.
        file = cached_file(name, "config.json", revision=revision)
    except (OSError, ValueError):
        return None
    commit: str | None = extract_commit_hash(file, None)
    return commit
