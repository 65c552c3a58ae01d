"""A scan: every video there is, looked at once, some at a time."""

from __future__ import annotations

import os
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from videossr.engine import Local
from videossr.journal import Journal
from videossr.scan.limits import Limits
from videossr.scan.process import LookingProcess
from videossr.scan.search import find
from videossr.video_table import FORMAT, VideoRow, read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from videossr.engine import Engine
    from videossr.scan.search import Found

    Progress = Callable[[int, int], None]

Check = Literal["all", "ends"]


def scan(
    videos: Path | str | Sequence[Path | str],
    *,
    root: Path | None = None,
    check: Check = "all",
    limits: Limits | None = None,
    engine: Engine | None = None,
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
        engine: where files are looked at, each in a process of its own; by default one after the other,
            here. The result does not depend on it.
        progress: called with files done and files in all, from the calling thread.

    Raises:
        ConfigError: a source that is not there or holds no video.
    """
    found, top = find(_listed(videos), root)
    rows = _looked(found, top, {}, check, limits or Limits(), engine, progress)
    return sorted(rows, key=lambda row: row.path)


def scan_to_table(
    videos: Path | str | Sequence[Path | str],
    table: Path,
    *,
    root: Path | None = None,
    check: Check = "all",
    limits: Limits | None = None,
    fresh: bool = False,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> list[VideoRow]:
    """As `scan`, into a table, and no more often than needed.

    A file that the table has already, and that has not changed in size or time since, is not read
    again. After a kill, the next scan goes on where this one stopped, and writes the same table.

    Args:
        table: the file to write, replaced in one step when all is done.
        fresh: read every file, whatever the table says.
        videos, root, check, limits, engine, progress: as for `scan`.

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
        for row in _looked(found, top, earlier, check, limits or Limits(), engine, progress):
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
    engine: Engine | None,
    progress: Progress | None,
) -> Iterator[VideoRow]:
    """A row for each file, in the order in which they come."""
    thorough = check == "all"
    rows: list[VideoRow] = []
    missing: list[Path] = []
    for one in found:
        row = _without_looking(one, root, known, thorough=thorough)
        if row is None:
            missing.append(one.path)
        else:
            rows.append(row)
    for done, row in enumerate(rows, 1):
        yield row
        if progress is not None:
            progress(done, len(found))
    if not missing:
        return
    looking = Looking(root, limits, thorough=thorough)
    with (
        (engine or Local()).at(looking, together=lambda path: path) as each,
        closing(each(missing)) as results,
    ):
        for done, (_, row) in enumerate(results, len(rows) + 1):
            yield row
            if progress is not None:
                progress(done, len(found))


@dataclass(frozen=True)
class Looking:
    """The work of a scan: a file in, its row out. Each thread has a process of its own that looks."""

    root: Path
    limits: Limits
    thorough: bool

    @contextmanager
    def begin(self) -> Iterator[Callable[[Path], VideoRow]]:
        """As `Work.begin`. At the end the processes are ended, whatever they are doing."""
        own = threading.local()
        processes: list[LookingProcess] = []

        def look(path: Path) -> VideoRow:
            if not hasattr(own, "process"):
                own.process = LookingProcess(self.limits, thorough=self.thorough)
                processes.append(own.process)
            return VideoRow(_relative(path, self.root), **own.process.look(path))

        try:
            yield look
        finally:
            for process in processes:
                process.close()


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
