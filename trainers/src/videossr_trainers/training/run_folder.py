"""A run's folder: who may write to it, and what of it holds when a run goes on."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from videossr import ConfigError
from videossr.atomic import take_away
from videossr.errors import Mistake, Mistakes
from videossr.locks import lock
from videossr_trainers.processes import on_main
from videossr_trainers.training.metrics import WARM_START, forget_steps
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

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from videossr.config import RunConfig
    from videossr.dataset import Dataset

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
    held: list[TextIO] = []
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
        for file in held:
            file.close()


def _refuse_other(config: RunConfig, dataset: Dataset, folder: Path) -> None:
    """Raise `ConfigError` if the run in a folder is not this one."""
    other = differences(config, dataset, folder)
    if other:
        right = "give what it began with, or choose another folder"
        raise ConfigError(other, f"{folder} holds a run that is made otherwise; {right}")


def _leave_if_unused(folder: Path) -> None:
    """Remove what a run has begun that ended before it had anything to keep, or to say."""
    if names(folder) <= BEGUN - {PREFLIGHT}:
        take_away(folder / "start")
        for name in BEGUN - {"start"}:
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody else has something there
            folder.rmdir()


def _lock(folder: Path) -> TextIO:
    """Hold the folder's lock until the file is closed; where files cannot be locked there is none."""
    file = (folder / LOCK).open("a", encoding="utf-8")
    try:
        # Of this process alone: a loader's process that outlives it must not keep the folder.
        if not lock(file.fileno(), inherited=False):
            file.close()  # Windows removes no file that is open
    except BlockingIOError as error:
        file.close()
        right = "wait for it, or choose another folder"
        raise ConfigError(Mistake(str(folder), "another run is at work in it", right)) from error
    return file


def forget_after(folder: Path, stage: str, step: int) -> None:
    """Drop what a run has written of steps that it is about to take again.

    Args:
        folder: the run's.
        stage: in which the run goes on.
        step: after which.
    """

    def forget() -> None:
        forget_steps(folder, stage, step)
        for path in (folder / "rollouts").rglob("*"):
            number = _STEP_IN_NAME.search(path.name)
            if path.is_file() and number and (stage == WARM_START or int(number[1]) > step):
                path.unlink()

    on_main(forget)
