"""Progress on the terminal: a line for each stage, with a bar, the time, and what is being learnt."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Self

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


class StageConsole:
    """Bars on stderr, one for each stage.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
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
        console = Console(stderr=True)
        self._progress = Progress(*columns, console=console, disable=quiet, expand=True)
        self._rows: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show how far a stage is."""
        if stage not in self._rows:
            self._rows[stage] = self._progress.add_task(stage, total=total, note="")
        self._progress.update(self._rows[stage], completed=done, total=total, note=note)

    def stage(self, name: str) -> Callable[[int, int], None]:
        """A callback for work that reports what is done and what there is in all."""
        return lambda done, total: self.advance(name, done, total)

    def report(self, stage: str, step: int, steps: int, logs: Mapping[str, float]) -> None:
        """Show a training step: its loss, and the reward of each task."""
        rewards = [
            f"{key.removeprefix('reward/')} {value:.2f}"
            for key, value in logs.items()
            if key.startswith("reward/")
        ]
        note = ", ".join(rewards) or f"loss {float(logs['loss']):.3f}"
        self.advance(stage, step, steps, note)


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
