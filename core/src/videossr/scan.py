"""Looking at every video below a folder."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from videossr.errors import ConfigError, Mistake, VideoError
from videossr.video.probe import probe
from videossr.video_table import VideoRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a file has to end with to be looked at, in any case.
SUFFIXES: Final = frozenset(
    {
        *(".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov"),
        *(".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    }
)


class _Found(NamedTuple):
    """A file to look at, or what went wrong while looking for files."""

    path: Path
    trouble: str = ""


def scan(
    videos: Path | str,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[VideoRow]:
    """A row for each video file below a folder, sorted by path. Sources are only ever read.

    Hidden files and folders are skipped; links are followed, each folder once. A file that cannot be
    used gets a row too: quarantined, with the reason. So does a folder that cannot be listed.

    Args:
        videos: a folder, searched to the bottom; or one file, whatever its suffix.
        workers: threads. The result does not depend on their number.
        progress: called with files done and files in all, from the calling thread.

    Raises:
        ConfigError: nothing at `videos`, no video file below it, or fewer than one worker.
    """
    videos = Path(videos)
    if workers < 1:
        raise ConfigError(Mistake("workers", str(workers), "must be at least 1"))
    if not videos.exists():
        raise ConfigError(Mistake(str(videos), "no such file or folder"))
    root = videos if videos.is_dir() else videos.parent
    found = list(_search(videos)) if videos.is_dir() else [_Found(videos)]
    if not found:
        raise ConfigError(
            Mistake(
                str(videos),
                "no video file in this folder or below it",
                f"looked for {', '.join(sorted(SUFFIXES))} outside of hidden folders",
            )
        )
    rows = []
    pool = ThreadPoolExecutor(workers, thread_name_prefix="scan")
    try:
        jobs = [pool.submit(_look, file, root) for file in found]
        for done, job in enumerate(as_completed(jobs), start=1):
            rows.append(job.result())
            if progress is not None:
                progress(done, len(jobs))
    finally:
        # After Ctrl-C or an error of `progress`, the files not yet begun are let go.
        pool.shutdown(cancel_futures=True)
    return sorted(rows, key=lambda row: row.path)


def _search(top: Path) -> Iterator[_Found]:
    """Video files below a folder, and the folders that cannot be listed, in a fixed order."""
    seen: set[tuple[int, int]] = set()
    failed: list[OSError] = []
    for folder, below, files in os.walk(top, followlinks=True, onerror=failed.append):
        # Links may lead back up, or to the same folder twice.
        status = os.stat(folder)  # noqa: PTH116 - os.walk gives text
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield _Found(Path(folder, name))
    for error in failed:
        yield _Found(Path(error.filename), f"the folder cannot be listed ({error.strerror})")


def _look(found: _Found, root: Path) -> VideoRow:
    relative = found.path.relative_to(root).as_posix()
    try:
        # The table is UTF-8. A name that is not could not be found again from it.
        relative.encode()
    except UnicodeEncodeError:
        shown = relative.encode("utf-8", "backslashreplace").decode()
        return _quarantined(shown, "unreadable", "the file's name is not valid text; rename it")
    if found.trouble:
        return _quarantined(relative, "unreadable", found.trouble)
    try:
        # A pipe or device with the suffix of a video would block whoever opens it.
        if not stat.S_ISREG(found.path.stat().st_mode):
            return _quarantined(relative, "unreadable", "not a regular file")
        info = probe(found.path)
    except OSError as error:
        return _quarantined(relative, "unreadable", error.strerror or str(error))
    except VideoError as error:
        return _quarantined(relative, error.reason, error.detail)
    times = info.timeline.times
    return VideoRow(
        path=relative,
        state="ok",
        hash=info.hash,
        bytes=info.bytes,
        first=float(times[0]),
        last=float(times[-1]),
        duration=info.duration,
        frames=info.frames,
        fps=info.fps,
        variable=info.variable,
        height=info.height,
        width=info.width,
        rotation=info.rotation,
        codec=info.codec,
        pixel_format=info.pixel_format,
    )


def _quarantined(path: str, reason: str, detail: str) -> VideoRow:
    return VideoRow(path, "quarantined", reason=reason, detail=detail)
