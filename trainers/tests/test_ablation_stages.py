"""How stages of ablations are run: once, by one run at a time, and what becomes of them when they are ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from videossr.locks import held
from videossr_trainers.ablations import commands, processes
from videossr_trainers.ablations.processes import StageError, complete, seconds_of
from videossr_trainers.ablations.stages import Stage
from videossr_trainers.training import source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def work(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Stage:
    """A stage that runs these words in the place of our command."""
    monkeypatch.setattr(processes, "_command", lambda *_: list(words))
    return Stage("work", (), folder / "notes", folder / "made", in_parallel=True)


def notes(folder: Path) -> dict[str, Any]:
    """What is noted of the stage."""
    return dict(json.loads((folder / "notes.json").read_text()))


def test_a_failure_shows_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this attempt, however much a launcher says after it; without one, the end."""
    lines = ["2 mistakes:", "  a: is no number", "  b: is none either", *map(str, range(40))]
    (tmp_path / "notes.log").write_text("error: of the attempt before\n")
    for said, first in ((lines, "says\n2 mistakes:\n  a: is"), (lines[3:], "ends\n28\n29\n")):
        code = f"import sys; print({os.linesep.join(said)!r}); sys.exit(1)"
        stage = work(tmp_path, monkeypatch, sys.executable, "-c", code)
        with pytest.raises(StageError) as caught:
            complete(stage, ("torchrun",), lambda _: None)
        assert f"{tmp_path / 'notes.log'}, and {first}" in str(caught.value)
    assert ("failed", "torchrun") == (notes(tmp_path)["state"], notes(tmp_path)["launcher"])
    assert source.source_of() == notes(tmp_path)["commit"]


def test_every_attempt_at_a_stage_keeps_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the one that an older version has noted alone."""
    (tmp_path / "notes.json").write_text('{"state": "failed", "commit": "c0"}')
    for commit, code in {"c1": 1, "c2": 0}.items():
        monkeypatch.setattr(processes, "source_of", lambda commit=commit: commit)
        stage = work(tmp_path, monkeypatch, sys.executable, "-c", f"raise SystemExit({code})")
        with suppress(StageError):
            complete(stage, (), lambda _: None)
    assert ["c0", "c1", "c2"] == [one["commit"] for one in notes(tmp_path)["attempts"]]
    assert ("done", "c2") == (notes(tmp_path)["state"], notes(tmp_path)["commit"])


def test_a_long_stage_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the last line of its log, each once; what an attempt before has said is past."""
    monkeypatch.setattr(processes, "_SECONDS_BETWEEN_TELLING", 0.05)
    (tmp_path / "notes.log").write_text("step 0\n")
    code = "import time; time.sleep(0.2); print('step 1', flush=True); time.sleep(0.2)"
    told: list[str] = []
    complete(work(tmp_path, monkeypatch, sys.executable, "-c", code), (), told.append)
    assert ["work", f"log: {tmp_path / 'notes.log'}", "step 1"] == told


def test_the_time_of_a_killed_attempt_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was interrupted, and one that was killed with all that watched it: till its last word."""
    stage = work(tmp_path, monkeypatch, sys.executable, "-c", "")

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        complete(stage, (), lambda _: None)
    assert "ended" == notes(tmp_path)["state"]
    assert notes(tmp_path)["seconds"] > 0
    killed = notes(tmp_path) | {"state": "running", "seconds": 5.0}
    (tmp_path / "notes.json").write_text(json.dumps(killed))
    os.utime(tmp_path / "notes.log", (killed["since"] + 100, killed["since"] + 100))
    assert pytest.approx(105) == seconds_of(stage)
    monkeypatch.setattr(processes, "_run", lambda *_: 0)
    complete(stage, (), lambda _: None)
    assert 105 <= notes(tmp_path)["seconds"] < 110


# A worker that saves when it is asked to end, and one that does not heed it.
SAVES = """
import os, signal, sys, time
def save(*_):
    time.sleep(0.3)
    open(sys.argv[1], "w").write("saved")
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
print("at work", os.getpid(), flush=True)
time.sleep(60)
"""
HEEDS_NOT = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("at work", os.getpid(), flush=True)
time.sleep(60)
"""

#: Launchers: one that dies of a signal as accelerate does, and one that kills its workers as torchrun does,
#: which have a session of their own, soon after it was asked to end.
LEAVES = "import subprocess, sys; subprocess.run(sys.argv[1:])"
KILLS = """
import signal, subprocess, sys
worker = subprocess.Popen(sys.argv[1:], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_: worker.kill())
sys.exit(worker.wait())
"""


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Interrupts what this process does, as Ctrl-C would."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, end)
    yield lambda: os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def at_work(folder: Path) -> int:
    """The worker's number, as soon as its log has it."""
    while True:
        with suppress(FileNotFoundError):
            for line in (folder / "notes.log").read_text().splitlines():
                if line.startswith("at work "):
                    return int(line.split()[-1])
        time.sleep(0.02)


@pytest.mark.parametrize("launcher", ["", LEAVES, KILLS], ids=["alone", "leaves", "kills"])
def test_a_stage_that_is_interrupted_saves_first(
    launcher: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    interrupt: Callable[[], None],
) -> None:
    """And is waited for, also behind a launcher that does not wait for it."""
    worker = [sys.executable, "-c", SAVES, str(tmp_path / "made")]
    before = [sys.executable, "-c", launcher] if launcher else []
    stage = work(tmp_path, monkeypatch, *before, *worker)
    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: at_work(tmp_path) and interrupt())
        with pytest.raises(KeyboardInterrupt):
            complete(stage, (), lambda _: None)
    assert "saved" == (tmp_path / "made").read_text()


def test_a_second_interrupt_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[], None]
) -> None:
    """What a launcher has started, though it has ended itself."""
    words = [sys.executable, "-c", LEAVES, sys.executable, "-c", HEEDS_NOT]
    stage = work(tmp_path, monkeypatch, *words)

    def interrupt_twice() -> int:
        worker = at_work(tmp_path)
        launcher = psutil.Process(worker).parent()
        interrupt()
        launcher.wait()
        assert psutil.pid_exists(worker)
        interrupt()
        return worker

    with ThreadPoolExecutor() as pool:
        worker = pool.submit(interrupt_twice)
        with pytest.raises(KeyboardInterrupt):
            complete(stage, (), lambda _: None)
    with suppress(psutil.NoSuchProcess):
        found = psutil.Process(worker.result())
        # An orphan's end may be noticed by nobody.
        assert psutil.STATUS_ZOMBIE == found.status()


def test_signals_that_come_together_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal's, which tox passes on too; a later one counts again, and the handlers are put back."""
    now = [100.0]
    monkeypatch.setattr(commands, "time", SimpleNamespace(monotonic=lambda: now[0]))
    before = signal.getsignal(signal.SIGTERM)
    with commands._ended_by_signals():
        for later in (0, 3):
            now[0] += later
            with pytest.raises(SystemExit) as stop:
                signal.raise_signal(signal.SIGTERM)
            assert 143 == stop.value.code
            signal.raise_signal(signal.SIGTERM)
    assert before is signal.getsignal(signal.SIGTERM)


def stage(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage that runs some Python in the place of our command."""
    command = [sys.executable, "-c", code, str(folder / "made")]
    monkeypatch.setattr(processes, "_command", lambda *_: command)
    return Stage("work", (), folder / "notes", folder / "made")


APPENDS = "import sys; open(sys.argv[1], 'a').write('x'); print('at work')"


def test_a_stage_that_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless what it made is gone; its output is kept."""
    work, told = stage(tmp_path, APPENDS, monkeypatch), []
    for _ in range(2):
        complete(work, (), told.append)
    log = f"log: {tmp_path / 'notes.log'}"
    assert ("x", ["work", log]) == ((tmp_path / "made").read_text(), told)
    assert "at work" in (tmp_path / "notes.log").read_text()
    assert seconds_of(work) > 0
    (tmp_path / "made").unlink()
    complete(work, (), told.append)
    assert "x" == (tmp_path / "made").read_text()


def test_a_stage_that_fails_is_told_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is tried again by the next run."""
    bad = stage(tmp_path, "import sys; print('no room'); sys.exit(3)", monkeypatch)
    with pytest.raises(StageError, match=r"work: exit code 3; .*notes.log, and ends\n.*\nno room"):
        complete(bad, (), lambda _: None)
    complete(stage(tmp_path, APPENDS, monkeypatch), (), lambda _: None)
    assert "done" == json.loads((tmp_path / "notes.json").read_text())["state"]


def test_what_was_made_whole_before_a_kill_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end came between the work and its record."""
    (tmp_path / "made").write_text("whole")
    work = replace(stage(tmp_path, APPENDS, monkeypatch), at_once=True)
    complete(work, (), lambda _: None)
    assert "whole" == (tmp_path / "made").read_text()


def test_another_run_that_is_at_it_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its outcome taken, though it outlived whoever started it."""
    slow = f"import time; time.sleep(0.5); {APPENDS}"
    work, told = stage(tmp_path, slow, monkeypatch), []
    with held(tmp_path / "notes.lock", lambda: None) as lock:
        command = [*processes._command(work, ())]
        orphan = processes.subprocess.Popen(command, pass_fds=(lock,))
    monkeypatch.setattr(processes, "_run", lambda *_: 0)
    complete(work, (), told.append)
    assert ["work: waiting for another run", "work"] == told[:2]
    assert "x" == (tmp_path / "made").read_text()
    assert 0 == orphan.wait()


def test_the_launcher_starts_what_computes(tmp_path: Path) -> None:
    """And nothing else; a configuration is written where the command looks for it."""
    launcher = ["accelerate", "launch"]
    work = Stage("w", ("train", "{config}"), tmp_path / "n", tmp_path / "m", {"seed": 1})
    config = str(tmp_path / "n.yaml")
    plain = [sys.executable, "-m", "videossr", "train", config]
    assert plain == processes._command(work, launcher)
    assert "seed: 1\n" == Path(config).read_text()
    launched = processes._command(replace(work, in_parallel=True), launcher)
    assert [*launcher, "-m", "videossr", "train", config] == launched
