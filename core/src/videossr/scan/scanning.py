"""A scan: every video there is, looked at once, some at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from videossr.errors import ConfigError, Mistake
from videossr.journal import Journal
from videossr.scan.limits import Limits
from videossr.scan.process import LookingProcess
from videossr.scan.search import find
from videossr.video_table import FORMAT, VideoRow, read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from videossr.scan.search import Found

    Progress = Callable[[int, int], None]

Check = Literal["all", "ends"]


def scan(
    videos: Path | str | Sequence[Path | str],
    *,
    root: Path | None = None,
    check: Check = "all",
    limits: Limits | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[VideoRow]:
    """A row for each video file, sorted by path. Sources are only ever read.

    A file that cannot be used gets a row too: quarantined, with the reason. So does a folder that
    cannot be listed.

    Args:
        videos: a source or several, as `find` says: folders, patterns, lists, tables, files.
        root: the folder that the rows' paths start from, as `find` says.
        check: decode "all" frames, or only the "ends" of each video: many times quicker, but what is
            damaged in between is found when it is used.
        limits: what one file may cost.
        workers: files looked at side by side, each in a process of its own. The result does not
            depend on their number.
        progress: called with files done and files in all, from the calling thread.

    Raises:
        ConfigError: a source that is not there or holds no video, or fewer than one worker.
    """
    found, top = find(_listed(videos), root)
    rows = _looked(found, top, {}, check, limits or Limits(), workers, progress)
    return sorted(rows, key=lambda row: row.path)


def scan_to_table(
    videos: Path | str | Sequence[Path | str],
    table: Path,
    *,
    root: Path | None = None,
    check: Check = "all",
    limits: Limits | None = None,
    fresh: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[VideoRow]:
    """As `scan`, into a table, and no more often than needed.

    A file that the table has already, and that has not changed in size or time since, is not read
    again. After a kill, the next scan goes on where this one stopped, and writes the same table.

    Args:
        table: the file to write, replaced in one step when all is done.
        fresh: read every file, whatever the table says.
        videos, root, check, limits, workers, progress: as for `scan`.

    Returns:
        All rows of the table, sorted by path.

    Raises:
        ConfigError: as for `scan`; or another scan is writing this table.
        DatasetError: there is something else where the table is to be written.
    """
    found, top = find(_listed(videos), root)
    known = _known(table, top)
    head = ["videossr scan", FORMAT, os.fspath(top)]
    with Journal(table, head, "another scan is writing this table") as journal:
        seen = {row.path: row for row in (VideoRow(**entry) for entry in journal.entries)}
        known |= seen
        rows = []
        earlier = {} if fresh else known
        for row in _looked(found, top, earlier, check, limits or Limits(), workers, progress):
            if seen.get(row.path) != row:
                journal.add(asdict(row))
            rows.append(row)
        rows.sort(key=lambda row: row.path)
        write_table(rows, table, top)
        journal.remove()
    return rows


def _listed(videos: Path | str | Sequence[Path | str]) -> Sequence[Path | str]:
    return [videos] if isinstance(videos, (str, Path)) else videos


def _known(table: Path, root: Path) -> dict[str, VideoRow]:
    """The rows that an earlier scan has left.

    Raises:
        DatasetError: the file there is no video table, and so not ours to replace.
    """
    if not table.exists():
        return {}
    rows, top = read_table(table)
    return {row.path: row for row in rows} if top == root else {}


def _looked(
    found: Sequence[Found],
    root: Path,
    known: Mapping[str, VideoRow],
    check: Check,
    limits: Limits,
    workers: int,
    progress: Progress | None,
) -> Iterator[VideoRow]:
    """A row for each file, in the order in which they come."""
    if workers < 1:
        raise ConfigError(Mistake("workers", str(workers), "must be at least 1"))
    done = 0
    with _Lookers(limits, workers, thorough=check == "all") as lookers:
        for row in lookers.rows(found, root, known):
            done += 1
            yield row
            if progress is not None:
                progress(done, len(found))


class _Lookers:
    """Threads, each with a process of its own that looks at files."""

    def __init__(self, limits: Limits, workers: int, *, thorough: bool) -> None:
        self._limits, self._workers, self._thorough = limits, workers, thorough
        self._own = threading.local()
        self._all: list[LookingProcess] = []

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self._workers, "scan", initializer=self._begin)
        return self

    def __exit__(self, *_: object) -> None:
        # After Ctrl-C or an error, what has begun is ended and what has not is let go.
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.close()
        self._pool.shutdown()

    def _begin(self) -> None:
        self._own.process = LookingProcess(self._limits, thorough=self._thorough)
        self._all.append(self._own.process)

    def rows(
        self, found: Sequence[Found], root: Path, known: Mapping[str, VideoRow]
    ) -> Iterator[VideoRow]:
        """A row for each file, in the order in which they come."""
        files = deque(found)
        running: set[Future[VideoRow]] = set()
        while files or running:
            # A few ahead, not all: a hundred thousand futures are no use to anybody.
            while files and len(running) < 4 * self._workers:
                file = files.popleft()
                row = _without_looking(file, root, known, thorough=self._thorough)
                if row is not None:
                    yield row
                else:
                    running.add(self._pool.submit(self._look, file, root))
            if running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)

    def _look(self, found: Found, root: Path) -> VideoRow:
        process: LookingProcess = self._own.process
        return VideoRow(_relative(found.path, root), **process.look(found.path))


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _without_looking(
    found: Found, root: Path, known: Mapping[str, VideoRow], *, thorough: bool
) -> VideoRow | None:
    """The row of a file that needs no look, or None."""
    relative = _relative(found.path, root)
    try:
        # The table is UTF-8. A name that is not could not be found again from it.
        relative.encode()
    except UnicodeEncodeError:
        shown = relative.encode("utf-8", "backslashreplace").decode()
        detail = "the file's name is not valid text; rename it"
        return VideoRow(shown, "quarantined", reason="unreadable", detail=detail)
    if found.trouble:
        return VideoRow(relative, "quarantined", reason="unreadable", detail=found.trouble)
    earlier = known.get(relative)
    if earlier is None or not earlier.modified or (thorough and earlier.checked != "all"):
        return None
    with suppress(OSError):
        status = found.path.stat()
        if (status.st_size, status.st_mtime_ns) == (earlier.bytes, earlier.modified):
            return earlier
    return None
