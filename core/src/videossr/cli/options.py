"""Options that several commands share, so that they read and behave alike."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.threads import core_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings laid over the configuration."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Videos read at a time; by default one for each core.")
]


def worker_count(workers: int | None) -> int:
    """The number asked for, or one for each core this process may use."""
    return workers or core_count()


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr, fed with the number done and the number in all."""
    if quiet:
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, not needed for help
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    row = bar.add_task(title, total=None)

    def show(done: int, total: int) -> None:
        bar.start()  # not before there is something done: a wrong argument is told without a bar
        bar.update(row, completed=done, total=total)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
