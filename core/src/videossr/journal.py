"""What a long job has done so far, on disk, so that one that was killed goes on where it stopped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Self

from videossr.errors import ConfigError, Mistake
from videossr.locks import lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO


class Journal:
    """The entries of a job in progress: a line of JSON each, in the order in which they came.

    The file lies beside what the job makes, hidden, for as long as the job takes; while it is open no
    other job can make the same.

    Args:
        output: what the job is to make.
        head: what the entries depend on, as plain JSON values. Entries of a job with another head are of no
            use and dropped.
        rival: what an error calls another job that is at it.

    Raises:
        ConfigError: another job is making this output.
    """

    def __init__(self, output: Path, head: Sequence[object], rival: str) -> None:
        self._output = output
        self._rival = rival
        self._path: Final = output.with_name(f".{output.name}.journal")
        self._head: Final = json.dumps(head)

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = self._path.open("a+b")
        try:
            lock(self._file.fileno())  # without locks two jobs at one output are not told apart
        except BlockingIOError as error:
            self._file.close()
            right = "wait for it, or choose another name"
            raise ConfigError(Mistake(str(self._output), self._rival, right)) from error
        #: Entries of a job that was not finished.
        self.entries: list[Any] = []
        whole = self._read()
        # What a kill has torn is cut off, and nothing else touched: it is all that there is.
        self._file.truncate(whole)
        if not whole:
            self._file.write(f"{self._head}\n".encode())
            self._file.flush()
        self._empty = not self.entries
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and self._empty:
            self.remove()  # there is nothing to go on from
        self._file.close()

    def add(self, entry: object) -> None:
        """Keep an entry, plain JSON values, so that it outlives this process."""
        self._write(entry)
        self._file.flush()

    def remove(self) -> None:
        """The output is written, and the journal is needed no longer."""
        self._path.unlink(missing_ok=True)

    def _write(self, entry: object) -> None:
        self._empty = False
        self._file.write(json.dumps(entry).encode() + b"\n")

    def _read(self) -> int:
        """Take in the entries, and say how many bytes of the file they and the head take up."""
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        if not lines or lines[0] != f"{self._head}\n".encode():
            return 0
        whole = len(lines[0])
        for line in lines[1:]:
            try:
                self.entries.append(json.loads(line))
            except ValueError:
                break
            if not line.endswith(b"\n"):
                self.entries.pop()
                break
            whole += len(line)
        return whole
