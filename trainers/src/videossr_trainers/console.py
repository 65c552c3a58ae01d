"""Progress on the terminal: a line for each stage, with a bar, the time, and what is being learnt."""

from __future__ import annotations

import logging
import time
import warnings
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Share of a step spent waiting for data that is worth a word.
_LONG_WAIT: Final = 0.05

#: Between two lines, where there is no terminal.
_SECONDS: Final = 10.0


class StageConsole:
    """Bars on stderr, one for each stage; where that is no terminal, now and then a line.

    Args:
        quiet: show nothing.
        console: where to, instead.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        columns = (
            TextColumn("{task.description}", table_column=Column(min_width=20, no_wrap=True)),
            BarColumn(10),
            MofNCompleteColumn(table_column=Column(min_width=9, no_wrap=True)),
            TimeElapsedColumn(table_column=Column(min_width=7, no_wrap=True)),
            # What is left of the line, so that a narrow terminal shortens this and nothing else.
            TextColumn(
                "{task.fields[note]}",
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
        )
        self._quiet = quiet
        self._console = console or Console(stderr=True)
        self._told = 0.0
        self._progress = Progress(*columns, console=self._console, disable=quiet, expand=True)
        self._rows: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.live.is_started:
            self._progress.stop()

    def advance(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show how far a stage is."""
        self._progress.start()  # not before there is something to show: a mistake is told without bars
        if stage not in self._rows:
            self._rows[stage] = self._progress.add_task(stage, total=total, note="")
        self._progress.update(self._rows[stage], completed=done, total=total, note=note)

    def stage(self, name: str) -> Callable[[int, int], None]:
        """A callback for work that reports what is done and what there is in all."""
        return lambda done, total: self.advance(name, done, total)

    def report(self, stage: str, step: int, steps: int, logs: Mapping[str, float]) -> None:
        """Show a training step: its loss, or the reward of each task, and long waits for data."""
        told = [
            f"{key.removeprefix('reward/')} {value:.2f}"
            for key, value in logs.items()
            if key.startswith("reward/") and key.count("/") == 1  # tasks, and not their levels
        ] or [f"loss {float(logs['loss']):.3f}"]
        if logs.get("data_wait", 0.0) > _LONG_WAIT:
            told.append(f"waits for data {logs['data_wait']:.0%}")
        note = ", ".join(told)
        self.advance(stage, step, steps, note)
        # Where bars cannot move, as in the log of a cluster, nothing would be seen before the end.
        if not (self._quiet or self._console.is_terminal) and self._is_due(step, steps):
            self._console.print(
                f"{stage} {step}/{steps}: {note}", highlight=False, markup=False, soft_wrap=True
            )

    def _is_due(self, step: int, steps: int) -> bool:
        now = time.monotonic()
        if step not in (1, steps) and now - self._told < _SECONDS:
            return False
        self._told = now
        return True


def quiet_libraries() -> None:
    """Keep the libraries' chatter off the terminal; errors still come through.

    Our own configuration decides what their warnings are about, such as tokens and dtypes.
    """
    import datasets  # noqa: PLC0415 - each is slow to import
    import transformers  # noqa: PLC0415

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("trl").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(torch|transformers|trl|accelerate|datasets)\b")
