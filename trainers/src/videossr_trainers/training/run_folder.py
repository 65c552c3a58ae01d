"""A run's folder: who may write to it, and what of it holds when a run goes on."""

from __future__ import annotations

import json
import re
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from videossr import ConfigError
from videossr.errors import Mistake, Mistakes
from videossr_trainers.processes import on_main
from videossr_trainers.training.occupied import (
    BEGUN,
    LOCK,
    PREFLIGHT,
    has_provenance,
    is_unused,
    names,
    refuse_used,
)
from videossr_trainers.training.provenance import differences, write_config, write_provenance

if sys.platform != "win32":
    import fcntl
from videossr.atomic import take_away, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.dataset import Dataset

METRICS: Final = "metrics.jsonl"
WARM_START: Final = "warm start"
GRPO: Final = "grpo"

_STEP_IN_NAME: Final = re.compile(r"(\d+)\.[a-z]+$")


@contextmanager
def claimed(
    config: RunConfig,
    dataset: Dataset,
    folder: Path,
    *,
    resume: bool,
    mistakes: Mistakes | None = None,
) -> Iterator[None]:
    """Keep a folder for this run, and no other, and write what the run is made of.

    Args:
        mistakes: that were found before, to be told together with those of the folder.

    Raises:
        ConfigError: there were any; another run is at work in the folder; it is in use and `resume` is
            not asked for; or it is asked for, and what the run's result depends on is not as it was,
            every difference listed.
    """
    held: list[Any] = []
    found = mistakes or Mistakes()

    def claim() -> None:
        with found.noted():
            refuse_used(folder, resume=resume)
            if has_provenance(folder) and not is_unused(folder):
                _refuse_other(config, dataset, folder)
        found.tell()
        folder.mkdir(parents=True, exist_ok=True)
        held.append(_lock(folder))
        if not has_provenance(folder) or is_unused(folder):
            take_away(folder / "start")  # what another run would have started from
            write_provenance(config, dataset, folder)
        else:
            write_config(config, folder)

    try:
        on_main(claim)
        try:
            yield
        except BaseException:
            if held:
                _leave_if_unused(folder)
            raise
    finally:
        for lock in held:
            if lock is not None:
                lock.close()


def _refuse_other(config: RunConfig, dataset: Dataset, folder: Path) -> None:
    """Raise `ConfigError` if the run in a folder is not this one."""
    other = differences(config, dataset, folder)
    if other:
        right = "give what it began with, or choose another folder"
        raise ConfigError(other, f"{folder} holds a run that is made otherwise; {right}")


def _leave_if_unused(folder: Path) -> None:
    """Remove the folder of a run that ended before it had anything to keep, or to say."""
    if names(folder) <= BEGUN - {PREFLIGHT}:
        shutil.rmtree(folder)


def _lock(folder: Path) -> Any:  # noqa: ANN401 - an open file, or None
    """Hold the folder's lock until the file is closed; where files cannot be locked there is none."""
    if sys.platform == "win32":
        return None
    file = (folder / LOCK).open("a")
    try:
        # Of this process alone: a loader's process that outlives it must not keep the folder.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        file.close()
        right = "wait for it, or choose another folder"
        raise ConfigError(Mistake(str(folder), "another run is at work in it", right)) from error
    except OSError:
        file.close()
        return None
    return file


def forget_after(folder: Path, stage: str, step: int) -> None:
    """Drop what a run has written of steps that it is about to take again.

    Args:
        folder: the run's.
        stage: in which the run goes on.
        step: after which.
    """

    def forget() -> None:
        _keep_lines(folder / METRICS, lambda line: _holds(line, stage, step))
        for path in (folder / "rollouts").rglob("*"):
            number = _STEP_IN_NAME.search(path.name)
            if path.is_file() and number and (stage == WARM_START or int(number[1]) > step):
                path.unlink()

    on_main(forget)


def lines_of(folder: Path, stage: str) -> list[dict[str, Any]]:
    """What was measured in a stage, a line for each step."""
    try:
        text = (folder / METRICS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    read = [json.loads(line) for line in text.splitlines()]
    return [line for line in read if line["stage"] == stage]


def _holds(line: str, stage: str, step: int) -> bool:
    """Whether a line of the metrics is whole, and of a step that is not taken again."""
    try:
        read = json.loads(line)
    except ValueError:
        return False
    if read["stage"] != stage:
        return stage == GRPO  # the other stage came before
    return int(read["step"]) <= step


def _keep_lines(path: Path, holds: Callable[[str], bool]) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    kept = "".join(f"{line}\n" for line in text.splitlines() if holds(line))
    if kept != text:
        write_text(path, kept)
