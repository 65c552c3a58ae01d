"""Running a stage in a process of its own: once, by one run at a time, its output kept."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from omegaconf import OmegaConf

from videossr_trainers.ablations.stages import CONFIG
from videossr_trainers.failures import TrainingError
from videossr_trainers.pages import write_json, write_whole

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from videossr_trainers.ablations.stages import Stage

    #: Called with a line of text.
    Tell = Callable[[str], None]

#: Lines of a log that an error shows.
_TAIL: Final = 12

_SECONDS_TO_END: Final = 60


class StageError(TrainingError):
    """A stage that did not do its work."""


def complete(stage: Stage, launcher: Sequence[str], tell: Tell) -> None:
    """Run a stage, unless that is done.

    Several runs may want it at one time: one does the work, and the others wait.

    Args:
        stage: what to run. What it leaves behind when it is ended, its command goes on from.
        launcher: words that start Python, in several processes perhaps, where the stage is for that.
        tell: told of what is begun.

    Raises:
        StageError: it failed; the end of its log is in the message.
    """
    if _is_done(stage):
        return
    with held(_file(stage, "lock"), lambda: tell(f"{stage.name}: waiting for another run")) as lock:
        if _is_done(stage):
            return
        if stage.at_once and stage.place.exists():  # ended before it was noted
            _note(stage, [], 0.0, 0)
            return
        tell(stage.name)
        log = _file(stage, "log")
        command = _command(stage, launcher)
        since = time.monotonic()
        code = _run(command, log, lock)
        _note(stage, command, time.monotonic() - since, code)
        if code:
            end = "\n".join(log.read_text("utf-8", "replace").splitlines()[-_TAIL:])
            raise StageError(f"{stage.name}: exit code {code}; the log is {log}, and ends\n{end}")


def seconds_of(stage: Stage) -> float:
    """How long a stage has taken, all attempts that came to an end together."""
    return float(_read(stage).get("seconds", 0.0))


@contextmanager
def held(path: Path, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold a lock until the end, and wait for it if need be; yields its file's number.

    A process that is given the file holds the lock too, and keeps it if its parent is killed: the next
    run then waits for the work that is still going on.

    Args:
        path: of the lock.
        waiting: called if another has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _run(command: Sequence[str], log: Path, lock: int) -> int:
    """Run a command, its output appended to a log; ended early, it is asked to end too, and waited for."""
    with log.open("ab") as output:
        output.write(f"$ {shlex.join(command)}\n".encode())
        output.flush()
        inherited = () if sys.platform == "win32" else (lock,)
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=inherited,
        )
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def _command(stage: Stage, launcher: Sequence[str]) -> list[str]:
    config = _file(stage, "yaml")
    if stage.tree is not None:
        write_whole(config, OmegaConf.to_yaml(OmegaConf.create(dict(stage.tree))))
    words = [str(config) if word == CONFIG else word for word in stage.words]
    python = launcher if stage.in_parallel and launcher else [sys.executable]
    return [*python, "-m", "videossr", *words]


def _note(stage: Stage, command: Sequence[str], seconds: float, code: int) -> None:
    before = _read(stage)
    facts = {
        "stage": stage.name,
        "state": "failed" if code else "done",
        "exit_code": code,
        "seconds": float(before.get("seconds", 0.0)) + seconds,
        "command": list(command) or before.get("command", []),
    }
    write_json(_file(stage, "json"), facts)


def _is_done(stage: Stage) -> bool:
    # What somebody has removed since is made again.
    return stage.place.exists() and _read(stage).get("state") == "done"


def _read(stage: Stage) -> dict[str, Any]:
    try:
        facts = json.loads(_file(stage, "json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _file(stage: Stage, suffix: str) -> Path:
    return stage.notes.with_name(f"{stage.notes.name}.{suffix}")
