"""Room to work in: disk, shared memory, open files, and locks."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from videossr.finding import Finding, worst
from videossr.floor_cache import cache_folder

_GIB: Final = 2**30

#: What a place should have free, in GiB, and why.
_WANTED: Final = {
    "working folder": (5.0, "a run writes checkpoints, and a store of clips is larger still"),
    "temporary files": (1.0, "videos and exports are put together there"),
    "cache": (0.1, "floors and other figures are kept there"),
    "models": (20.0, "Qwen3-VL-8B takes 17 GiB"),
}

#: Under this share of what is wanted, nothing will work.
_FAULT: Final = 0.05

#: Shared memory under which loaders' processes run into its end.
_SHARED: Final = 1.0
_SHM: Final = Path("/dev/shm")  # noqa: S108 - looked at, not written to

#: File descriptors under which loaders and many videos run out of them.
_FILES: Final = 1024

_SECONDS: Final = 5.0


def disk(folder: Path) -> Finding:
    """Room in the folder of the work, for temporary files, caches and models."""
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HF_HOME", "~/.cache/huggingface")
    places = {
        "working folder": folder,
        "temporary files": Path(tempfile.gettempdir()),
        "cache": cache_folder(),
        "models": Path(hub).expanduser(),
    }
    return worst(*(_free(name, _existing(place)) for name, place in places.items()))


def _free(name: str, place: Path) -> Finding:
    wanted, why = _WANTED[name]
    free = shutil.disk_usage(place).free / _GIB
    said = f"{name}: {free:.1f} GiB free at {place}"
    if not os.access(place, os.W_OK):
        remedy = {"cache": "set VIDEOSSR_CACHE", "models": "set HF_HOME"}.get(
            name, "choose another"
        )
        return Finding("", "fault", f"{name}: {place} cannot be written to", why, remedy)
    if free >= wanted:
        return Finding("", "ok", said)
    remedy = {
        "temporary files": "free some space, or set TMPDIR",
        "cache": "free some space, or set VIDEOSSR_CACHE",
        "models": "free some space, or set HF_HOME to a larger disk",
    }.get(name, "free some space, or choose another folder by --folder")
    return Finding("", "fault" if free < wanted * _FAULT else "warning", said, why, remedy)


def _existing(place: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    place = place.absolute()
    while not place.exists():
        place = place.parent
    return place


def shared_memory() -> Finding:
    """Through it loaders hand over what they render."""
    if not _SHM.exists():
        return Finding("", "skipped", "there is no /dev/shm on this system")
    usage = shutil.disk_usage(_SHM)
    free = usage.free / _GIB
    said = f"{free:.1f} of {usage.total / _GIB:.1f} GiB free"
    if free >= _SHARED:
        return Finding("", "ok", said)
    meaning = "loaders hand frames over in it, and die of a bus error at its end"
    remedy = "docker run --shm-size=8g or --ipc=host, or grpo.loader_workers=0"
    return Finding("", "warning", said, meaning, remedy)


def open_files() -> Finding:
    """As many as loaders and decoders need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _FILES:
        return Finding("", "ok", f"{soft if soft >= 0 else 'any number'} at a time")
    meaning = 'loaders and decoders run into "Too many open files"'
    most = hard if hard > soft else 65536
    return Finding("", "warning", f"{soft} at a time", meaning, f"ulimit -n {most}")


def locks(folder: Path) -> Finding:
    """Runs that share a folder wait for one another by locks on its files."""
    place = _existing(folder)
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".videossr-") as own:
            path = Path(own) / "lock"
            with FileLock(path, timeout=_SECONDS):
                try:
                    FileLock(path, timeout=0).acquire()
                except Timeout:
                    return Finding("", "ok", f"files at {place} can be locked")
    except (OSError, Timeout, NotImplementedError) as error:
        said = f"no file can be locked at {place}: {error}"
    else:
        said = f"a lock at {place} keeps nobody out"
    meaning = "runs that share a folder would write over each other"
    remedy = "work on a local disk, or have the network's file system mounted with locks"
    return Finding("", "fault", said, meaning, remedy)
