"""A process that looks at files, and is ended when it hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, cast

from videossr.scan.limits import READY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videossr.scan.limits import Limits


class LookingProcess:
    """Looks at one file after another, in another process. For one thread at a time.

    A file at which that process hangs, crashes or runs out of memory costs that process alone: the
    next file has a new one.

    Args:
        limits: what one file may cost.
        thorough: decode every frame.
    """

    def __init__(self, limits: Limits, *, thorough: bool) -> None:
        self._limits = limits
        self._thorough = thorough
        self._process: subprocess.Popen[str] | None = None
        self._closed = threading.Event()

    def look(self, path: Path) -> dict[str, Any]:
        """What `VideoRow` says of a file, less its path.

        Raises:
            RuntimeError: closed by another thread, or the process does not start.
        """
        process = self._process or self._start()
        question = {"path": os.fspath(path), "thorough": self._thorough}
        line = ""
        hung = threading.Event()
        with suppress(BrokenPipeError):
            with self._patience(process, hung):
                print(json.dumps(question), file=process.stdin, flush=True)
            # Each line that comes, be it empty, gives it the whole time again.
            while not line.strip():
                with self._patience(process, hung):
                    line = _answers(process).readline()
                if not line:
                    break
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        _end(process)
        self._process = None
        if self._closed.is_set():
            raise RuntimeError("the scan was ended")
        if hung.is_set():
            problem = f"the decoder got nowhere for {self._limits.seconds:g} s"
            return {"state": "quarantined", "reason": "too_slow", "detail": problem}
        code = process.returncode
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        problem = f"the decoder crashed ({how})"
        return {"state": "quarantined", "reason": "crashed", "detail": problem}

    def close(self) -> None:
        """End the process, whatever it is doing. From any thread."""
        self._closed.set()
        process = self._process
        if process is not None:
            process.kill()
            _end(process)

    @contextmanager
    def _patience(self, process: subprocess.Popen[str], hung: threading.Event) -> Iterator[None]:
        def give_up() -> None:
            hung.set()
            process.kill()

        timer = threading.Timer(self._limits.seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[str]:
        if self._closed.is_set():
            raise RuntimeError("the scan was ended")
        # As a command of its own: a fork would copy threads in the middle of their work, and
        # multiprocessing would run the caller's script again.
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", "videossr.scan.worker", str(self._limits.bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                text=True,
                encoding="ascii",
            )
            self._process = process
            if _answers(process).readline().strip() != READY:
                process.kill()
                _end(process)
                errors.seek(0)
                told = errors.read().decode(errors="replace")
                raise RuntimeError(f"the process that looks at videos does not start:\n{told}")
        return process


def _answers(process: subprocess.Popen[str]) -> IO[str]:
    return cast("IO[str]", process.stdout)


def _end(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a process, and close its pipes."""
    with suppress(BrokenPipeError), process:  # what it was asked last may never have reached it
        pass
