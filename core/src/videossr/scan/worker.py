"""The other side of `scan.process`: looks at files in a process of its own, one after another.

A path comes in as a line of JSON, what the file holds goes out as one; in between a line without
anything says now and then that it goes on. In a process because a decoder can hang, crash or eat the
memory, and nothing but a process can be ended.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av.logging

from videossr.errors import VideoError
from videossr.scan.limits import READY
from videossr.video.probe import VideoInfo, probe

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from collections.abc import Callable

_BEAT_S: Final = 0.5


def main() -> None:
    """Answer until there are no more files. Takes the limit of memory in bytes as its argument."""
    # Libraries may print. Only answers go where the answers are read.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
    os.dup2(2, 1)
    _limit_memory(int(sys.argv[1]))
    av.logging.set_level(av.logging.ERROR)
    beat = _metronome(lambda: answers.write("\n"))
    answers.write(f"{READY}\n")
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(_look(Path(asked["path"]), asked["thorough"], beat)) + "\n")


def _look(path: Path, thorough: bool, beat: Callable[[], None]) -> dict[str, Any]:
    """What `VideoRow` says of a file, less its path."""
    try:
        before = path.stat()
        # A pipe or device with the suffix of a video would block whoever opens it.
        if not stat.S_ISREG(before.st_mode):
            return _quarantined("unreadable", "not a regular file")
        path.open("rb").close()  # permission, which no later change of the file would tell
        found = _hear(path, thorough, beat)
        after = path.stat()
    except Exception as error:  # noqa: BLE001 - one odd file must not end the scan of all others
        if isinstance(error, MemoryError) or _starved(error):
            return _quarantined("too_large", "takes more memory than the limit")
        if isinstance(error, OSError):
            return _quarantined("unreadable", error.strerror or str(error))
        return _quarantined("crashed", f"the decoder failed ({type(error).__name__}: {error})")
    if _version(before) != _version(after):
        return _quarantined("changed", "the file changed while it was read; scan again")
    return found | {
        "bytes": before.st_size,
        "modified": before.st_mtime_ns,
        "checked": "all" if thorough else "ends",
    }


def _hear(path: Path, thorough: bool, beat: Callable[[], None]) -> dict[str, Any]:
    """Look at a file, and listen to what FFmpeg has to say of it."""
    with av.logging.Capture(local=False) as heard:
        try:
            found = _facts(probe(path, thorough=thorough, beat=beat))
        except VideoError as error:
            if _starved(error):
                raise MemoryError from error
            found = _quarantined(error.reason, error.detail)
    # What is damaged in a container, or concealed by a decoder, is told nowhere else; and frames may
    # be far apart because what was between them could not be read.
    if heard and (found["state"] == "ok" or found["reason"] == "long_gap"):
        _, who, what = heard[0]
        more = f", and {len(heard) - 1} more" if len(heard) > 1 else ""
        found = _quarantined("damaged", f"FFmpeg complains: {who}: {what.strip()}{more}")
    return found


def _starved(error: BaseException | None) -> bool:
    """Whether FFmpeg got no memory, be it for pixels or, which it calls "try again", for a thread."""
    return isinstance(error, OSError) and error.errno in (errno.ENOMEM, errno.EAGAIN)


def _facts(info: VideoInfo) -> dict[str, Any]:
    timeline = info.timeline
    return {
        "state": "ok",
        "hash": info.hash,
        "first": float(timeline.times[0]),
        "last": float(timeline.times[-1]),
        "duration": info.duration,
        "frames": info.frames,
        "fps": info.fps,
        "nominal_fps": timeline.nominal_fps,
        "variable": info.variable,
        "height": info.height,
        "width": info.width,
        "rotation": info.rotation,
        "stream": timeline.stream,
        "codec": timeline.codec,
        "pixel_format": timeline.pixel_format,
    }


def _quarantined(reason: str, detail: str) -> dict[str, Any]:
    return {"state": "quarantined", "reason": reason, "detail": detail}


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _metronome(write: Callable[[], object]) -> Callable[[], None]:
    """Calls `write` when called, but not more often than every half second."""
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _BEAT_S:
            last = now
            write()

    return beat


def _limit_memory(spare: int) -> None:
    """Let this process have so many bytes more than it has now."""
    if sys.platform == "win32":
        return
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # not on macOS, whose kernel does not keep to such limits either
        return
    limit = pages * os.sysconf("SC_PAGE_SIZE") + spare
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()
