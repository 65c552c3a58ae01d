"""Options that several commands share, so that they read and behave alike."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.errors import PluginError
from videossr.extensions import extensions
from videossr.threads import core_count

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from videossr.config import RunConfig
    from videossr.dataset import Dataset
    from videossr.registry import Registry

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings laid over the configuration."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Videos read at a time; by default one for each core.")
]

Root = Annotated[
    Path | None,
    typer.Option(help="The folder of the videos, if not where it was when the dataset was built."),
]

PluginsDir = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugins-dir",
        envvar="VIDEOSSR_PLUGINS_DIR",
        show_envvar=True,
        help="A folder of Python files, each a plugin of its name; may be repeated.",
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        envvar="VIDEOSSR_PLUGINS_ALLOW",
        show_envvar=True,
        help="A plugin, or a package of plugins, that may be used; all others are barred. "
        "May be repeated.",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 1 if any plugin or extension is at fault.")
]


def checked_config(
    source: str,
    overrides: Sequence[str] | None,
    *,
    plugins_dir: Sequence[Path] | None,
    allow: Sequence[str] | None,
    strict: bool,
) -> RunConfig:
    """A run configuration with what the command line says about plugins.

    Raises:
        ConfigError: with every mistake there is.
        PluginError: with every fault there is, if `strict`.
    """
    from videossr.config import load_config  # noqa: PLC0415 - needs pydantic

    config = load_config(source, overrides or (), folders=plugins_dir or (), allow=allow or None)
    if strict:
        refuse_faults(config.registry, config.switched_off)
    return config


def registry_of(
    dataset: Dataset, folders: Sequence[Path] | None, allow: Sequence[str] | None
) -> Registry | None:
    """The plugins to choose from where the command line has a say; otherwise as the dataset says."""
    from videossr.config.load import with_plugins  # noqa: PLC0415 - needs pydantic
    from videossr.config.resolve import registry_for  # noqa: PLC0415

    if not folders and not allow:
        return None
    tree = with_plugins(dict(dataset.config), folders=folders or (), allow=allow or None)
    return registry_for(tree, named=folders or ())


def refuse_faults(registry: Registry, off: Collection[str]) -> None:
    """Raise `PluginError` if a plugin that is not switched off, or an extension, is at fault."""
    faults = [
        f"plugin {origin.name!r} ({origin.bringer}) is {origin.standing}: {origin.problem}"
        for origin in registry.faults(without=off)
    ]
    faults += extensions().faults
    if faults:
        raise PluginError("\n".join(faults))


def worker_count(workers: int | None) -> int:
    """The number asked for, or one for each core this process may use."""
    return workers or core_count()


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr, fed with the number done and the number in all."""
    with progress_bars(title, quiet=quiet) as (bar,):
        yield bar


@contextmanager
def progress_bars(
    *titles: str, quiet: bool
) -> Iterator[tuple[Callable[[int, int], None] | None, ...]]:
    """Bars on stderr for the parts of a work, each shown from when it is first fed."""
    if quiet:
        yield (None,) * len(titles)
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
    bars = Progress(*columns, console=Console(stderr=True))

    def feed(title: str) -> Callable[[int, int], None]:
        row = bars.add_task(title, total=None, visible=False)

        def show(done: int, total: int) -> None:
            bars.start()  # not before there is something done: a wrong argument is told without a bar
            bars.update(row, completed=done, total=total, visible=True)

        return show

    try:
        yield tuple(map(feed, titles))
    finally:
        if bars.live.is_started:
            bars.stop()
