"""Running a stage in a process of its own: once, by one run at a time, its output kept."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from omegaconf import OmegaConf

from videossr.locks import held
from videossr_trainers.ablations.family import family_of, kill, lives
from videossr_trainers.ablations.stages import CONFIG
from videossr_trainers.failures import TrainingError
from videossr_trainers.pages import write_json, write_whole
from videossr_trainers.training.attempts import attempts_of
from videossr_trainers.training.source import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import psutil  # type: ignore[import-untyped] # its stubs are a package of their own

    from videossr_trainers.ablations.stages import Stage

    #: Called with a line of text.
    Tell = Callable[[str], None]

#: What a stage's command begins with, after Python or what starts it.
_OURS: Final = ("-m", "videossr")

#: In a log, before the command of an attempt.
_BEGINS: Final = "$ "

#: Lines of a log that an error shows.
_SHOWN: Final = 12

#: How our commands begin to say what was wrong, also behind the name that a launcher gives a process.
_FAULT: Final = re.compile(r"(\[[\w ]+\]:? ?)?(error:|\d+ mistakes:)")

#: Between two words about a stage that is at work.
_SECONDS_BETWEEN_TELLING: Final = 60.0

#: Between two looks at whether processes are gone.
_SECONDS_BETWEEN_LOOKS: Final = 0.1

#: Bytes of a log in which its last line is looked for.
_LAST_BYTES: Final = 4096


class StageError(TrainingError):
    """A stage that did not do its work."""


def complete(stage: Stage, launcher: Sequence[str], tell: Tell) -> None:
    """Run a stage, unless that is done.

    Several runs may want it at one time: one does the work, and the others wait.

    Args:
        stage: what to run. What it leaves behind when it is ended, its command goes on from.
        launcher: words that start Python, in several processes perhaps, where the stage is for that.
        tell: told of what is begun, and now and then how far it is.

    Raises:
        StageError: it failed; what its log says of that is in the message.
    """
    if is_done(stage):
        return
    with held(_file(stage, "lock"), lambda: tell(f"{stage.name}: waiting for another run")) as lock:
        if is_done(stage):
            return
        if stage.at_once and stage.place.exists():  # ended before it was noted
            _note(stage, {"state": "done", "exit_code": 0, "seconds": seconds_of(stage)})
            return
        _attempt(stage, launcher, lock, tell)


def is_done(stage: Stage) -> bool:
    """Whether a stage has done its work, and what it made is there."""
    # What somebody has removed since is made again.
    return stage.place.exists() and _read(stage).get("state") == "done"


def seconds_of(stage: Stage) -> float:
    """How long a stage has taken, all attempts together.

    Of one that was killed with all that watched it, as long as it wrote to its log.
    """
    facts = _read(stage)
    seconds = float(facts.get("seconds", 0.0))
    if facts.get("state") == "running":
        with suppress(FileNotFoundError):
            wrote = _file(stage, "log").stat().st_mtime - float(facts["since"])
            seconds += max(0.0, wrote)
    return seconds


def _attempt(stage: Stage, launcher: Sequence[str], lock: int, tell: Tell) -> None:
    log = _file(stage, "log")
    tell(stage.name)
    tell(f"log: {log}")
    before = seconds_of(stage)
    command = _command(stage, launcher)
    attempt = {"commit": source_of(), "since": time.time()}
    facts = {
        "command": command,
        "launcher": shlex.join(launcher) if stage.in_parallel else "",
        **attempt,
        "attempts": [*attempts_of(_read(stage)), attempt],
    }
    _note(stage, {"state": "running", "exit_code": None, "seconds": before, **facts})
    log.touch()
    begins = log.stat().st_size
    since, code = time.monotonic(), None
    try:
        with _telling(log, tell):
            code = _run(command, log, lock)
    finally:
        state = "ended" if code is None else "failed" if code else "done"
        seconds = before + time.monotonic() - since
        _note(stage, {"state": state, "exit_code": code, "seconds": seconds, **facts})
    if code:
        with log.open("rb") as file:
            file.seek(begins)
            said = _fault(file.read().decode("utf-8", "replace").splitlines())
        raise StageError(f"{stage.name}: exit code {code}; the log is {log}, and {said}")


def _fault(lines: Sequence[str]) -> str:
    """What a log says of a failure: our own words, which a launcher may have put others behind."""
    found = [number for number, line in enumerate(lines) if _FAULT.match(line)]
    if found:
        return "\n".join(["says", *lines[found[-1] :][:_SHOWN]])
    return "\n".join(["ends", *lines[-_SHOWN:]])


@contextmanager
def _telling(log: Path, tell: Tell) -> Iterator[None]:
    """Tell the last line of a log now and then, if it is another."""
    over = threading.Event()

    def watch() -> None:
        told = ""
        while not over.wait(_SECONDS_BETWEEN_TELLING):
            line = _last_line(log)
            if line not in {"", told}:
                tell(line)
                told = line

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _last_line(log: Path) -> str:
    """What this attempt has said last; empty where it has said nothing."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return "" if last.startswith(_BEGINS) else last


def _run(command: Sequence[str], log: Path, lock: int) -> int:
    """Run a command, its output appended to a log; ended early, it is asked to end too, and waited for."""
    with log.open("ab") as output:
        output.write(f"{_BEGINS}{shlex.join(command)}\n".encode())
        output.flush()
        # In a session of its own: Ctrl-C in a terminal would reach a launcher and what it has started,
        # and the launcher would end what is still saving.
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=() if sys.platform == "win32" else (lock,),
            start_new_session=True,
        )
        try:
            return process.wait()
        except BaseException:
            _end(process, launched=list(command[:3]) != [sys.executable, *_OURS])
            raise


def _end(process: subprocess.Popen[bytes], *, launched: bool) -> None:
    """Ask a command and all that it has started to end, and wait as long as that takes.

    A checkpoint of a large model takes minutes. Whoever interrupts the wait kills them.
    """
    family = family_of(process)
    try:
        _ask_to_end(process, family, launched=launched)
        while process.poll() is None or any(map(lives, family)):
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    except BaseException:
        kill(process, family)
        raise


def _ask_to_end(
    process: subprocess.Popen[bytes], family: Sequence[psutil.Process], *, launched: bool
) -> None:
    if sys.platform == "win32":
        process.terminate()
        return
    groups = {process.pid}
    if launched and family:
        # torchrun kills its processes 30 seconds after it was asked itself, and ends by itself after
        # them; it has given each a group of its own. Others end at once, and leave theirs behind.
        groups = set()
        for one in family:
            with suppress(ProcessLookupError):
                groups.add(os.getpgid(one.pid))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)


def _command(stage: Stage, launcher: Sequence[str]) -> list[str]:
    config = _file(stage, "yaml")
    if stage.tree is not None:
        write_whole(config, OmegaConf.to_yaml(OmegaConf.create(dict(stage.tree))))
    words = [str(config) if word == CONFIG else word for word in stage.words]
    python = launcher if stage.in_parallel and launcher else [sys.executable]
    return [*python, *_OURS, *words]


def _note(stage: Stage, facts: Mapping[str, Any]) -> None:
    """Write what became of a stage, over what was known of it before."""
    write_json(_file(stage, "json"), {"stage": stage.name, **_read(stage), **facts})


def _read(stage: Stage) -> dict[str, Any]:
    try:
        facts = json.loads(_file(stage, "json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _file(stage: Stage, suffix: str) -> Path:
    return stage.notes.with_name(f"{stage.notes.name}.{suffix}")
