"""A launcher of ablations' trainings: asked for its processes before anything else, whatever it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from ablation_plans import VIDEOS, variant

from videossr import ConfigError
from videossr_trainers.ablations import launched, running
from videossr_trainers.ablations.family import lives
from videossr_trainers.ablations.videos import Videos

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


@pytest.mark.parametrize(("launcher", "expected"), [([sys.executable], 1), (TWO, 2)])
def test_a_launcher_is_asked_for_its_processes(launcher: list[str], expected: int) -> None:
    """Started, and counted by what it starts."""
    assert expected == launched.process_count(launcher)


def test_a_count_that_is_anothers_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell, such as that of a batch script, may have it; a launcher that sets it sets the rank too."""
    monkeypatch.setenv("WORLD_SIZE", "16")
    assert 1 == launched.process_count([sys.executable])
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert 16 == launched.process_count([sys.executable])
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    assert 4 == launched.process_count([sys.executable])


def test_a_launcher_may_not_say() -> None:
    """One whose processes are elsewhere, say."""
    assert launched.process_count([sys.executable, "-c", "pass"]) is None


def test_a_launcher_that_waits_for_others_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It does not say, and it is ended, with all that it has started."""
    monkeypatch.setattr(launched, "_PATIENCE", 3.0)
    sleeps = "import time; time.sleep(600)"
    started = tmp_path / "started"
    waits = (
        "import subprocess, sys, time; "
        f"own = subprocess.Popen([sys.executable, '-c', {sleeps!r}]); "
        f"open({str(started)!r}, 'w').write(str(own.pid)); own.wait()"
    )
    assert launched.process_count([sys.executable, "-c", waits]) is None
    own = int(started.read_text())
    assert not psutil.pid_exists(own) or not lives(psutil.Process(own))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("raise SystemExit(3)", "exit code 3, and said nothing"),
        ("print('\\xff' * 9); raise OSError('no port')", "exit code 1, saying\nTraceback"),
    ],
)
def test_a_launcher_that_fails_is_refused(words: str, said: str) -> None:
    """With its command, and with the first traceback of what it says."""
    with pytest.raises(ConfigError) as caught:
        launched.process_count([sys.executable, "-c", words])
    (mistake,) = caught.value.mistakes
    assert "--launcher" == mistake.where
    assert said in mistake.problem
    assert ("no port" in mistake.problem) == ("no port" in words)


def trained_by_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], Callable[..., None]]:
    """What is worked on or told, and runs of some ablations behind a launcher of three processes."""
    monkeypatch.setattr(Videos, "read", lambda _: VIDEOS)
    monkeypatch.setattr(running, "refuse_overlap", lambda *_: None)
    monkeypatch.setattr(launched, "process_count", lambda _: 3)
    done: list[str] = []
    monkeypatch.setattr(running, "complete", lambda stage, *_: done.append(stage.name))

    def run(*names: str, overrides: Sequence[str] = ()) -> None:
        sizes = ("grpo.questions_per_step=8", "grpo.questions_per_device=4", *overrides)
        some = [variant(name, *sizes) for name in names]
        table = VIDEOS.table
        running.run_all(
            some, [0, 1], table, tmp_path, scale="", launcher=["three"], tell=done.append
        )

    return done, run


ASKED = "asking the launcher how many processes it starts"


def test_questions_that_cannot_be_shared_out_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every ablation, with the arithmetic, before a stage is begun."""
    done, run = trained_by_three(tmp_path, monkeypatch)
    with pytest.raises(ConfigError) as caught:
        run("base", "strict_reward")
    assert [
        "base: grpo.questions_per_step",
        "strict_reward: grpo.questions_per_step",
    ] == [mistake.where for mistake in caught.value.mistakes]
    told = "8 is no multiple of 4 questions a device x 3 processes = 12"
    assert told == caught.value.mistakes[0].problem
    assert [ASKED] == done
    monkeypatch.setattr(launched, "process_count", lambda _: 2)
    run("base")
    assert "training" in done


def test_a_launcher_that_does_not_say_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runs go on, and that nothing was checked is told."""
    done, run = trained_by_three(tmp_path, monkeypatch)
    monkeypatch.setattr(launched, "process_count", lambda _: None)
    run("base")
    assert done[1].startswith("it does not say; ")
    assert "training" in done


@pytest.mark.parametrize("left", ["nothing", "exam"])
def test_a_launcher_is_not_asked_where_nobody_trains(
    left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where GRPO is done, whether or not the exam is; and where it is to take no step."""
    done, run = trained_by_three(tmp_path, monkeypatch)
    if left == "nothing":
        run("base", overrides=["grpo.max_steps=0"])
    else:
        monkeypatch.setattr(running, "is_done", lambda stage: stage.name == "training")
        run("base")
    assert ASKED not in done
    assert done


@pytest.mark.parametrize("process", ["", "[rank0]: "])
def test_what_was_raised_is_told_however_deep(process: str) -> None:
    """It stands below the frames, and a launcher says more below it, of how its processes ended."""
    script = (
        "import traceback\n"
        "def deeper(n):\n    return deeper(n - 1) if n else [][0:1][0 if n else open('/no/port')]\n"
        "try:\n    deeper(40)\n"
        "except OSError:\n    said = traceback.format_exc()\n"
        f"print('starting'); print(*[{process!r} + line for line in said.splitlines()], sep='\\n')\n"
        "print('Traceback (most recent call last):\\n  of the launcher\\nChildFailedError: see above')\n"
        "raise SystemExit(1)"
    )
    with pytest.raises(ConfigError) as caught:
        launched.process_count([sys.executable, "-c", script])
    (mistake,) = caught.value.mistakes
    *_, last = mistake.problem.splitlines()
    assert f"{process}FileNotFoundError: [Errno 2] No such file or directory: '/no/port'" == last
    assert 22 > len(mistake.problem.splitlines())
