"""What a scan has seen so far, on disk, so that a scan that was killed goes on where it stopped."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, Self

from videossr.errors import ConfigError, Mistake
from videossr.video_table import FORMAT, VideoRow

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

_HEAD: Final = "videossr scan"


class Journal:
    """The rows of a scan in progress: a line of JSON each, in the order in which they came.

    The file lies beside the table, hidden, for as long as the scan takes; while it is open no other
    scan can write the same table.

    Args:
        table: the table that the rows are going to be in.
        root: the folder that their paths start from. Rows of another are of no use and dropped.

    Raises:
        ConfigError: another scan is writing this table.
    """

    def __init__(self, table: Path, root: Path) -> None:
        self._table = table
        self._path: Final = table.with_name(f".{table.name}.journal")
        self._head: Final = json.dumps([_HEAD, FORMAT, os.fspath(root)])

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = self._path.open("a+b")
        if sys.platform != "win32":  # where two scans of one table are not told apart
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._file.close()
                raise ConfigError(
                    Mistake(
                        str(self._table),
                        "another scan is writing this table",
                        "wait for it, or choose another name",
                    )
                ) from error
        #: Rows of a scan that was not finished, by path.
        self.rows: dict[str, VideoRow] = {row.path: row for row in self._read()}
        # Written again without the line that a kill may have torn.
        self._file.truncate(0)
        self._file.write(f"{self._head}\n".encode())
        for row in self.rows.values():
            self._write(row)
        self._file.flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, row: VideoRow) -> None:
        """Keep a row, so that it outlives this process."""
        self._write(row)
        self._file.flush()

    def remove(self) -> None:
        """The table is written, and the journal is needed no longer."""
        self._path.unlink()

    def _write(self, row: VideoRow) -> None:
        self._file.write(json.dumps(asdict(row)).encode() + b"\n")

    def _read(self) -> Iterator[VideoRow]:
        self._file.seek(0)
        lines = self._file.read().decode("ascii", "replace").splitlines()
        if not lines or lines[0] != self._head:
            return
        for line in lines[1:]:
            try:
                yield VideoRow(**json.loads(line))
            except (ValueError, TypeError):
                return  # torn by a kill
