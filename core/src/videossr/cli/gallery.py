"""`videossr gallery`: some questions of a dataset on one page, to watch and to judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.options import (
    Allow,
    AsJson,
    PluginsDir,
    Quiet,
    Root,
    Workers,
    progress_bar,
    registry_of,
    worker_count,
)
from videossr.errors import ConfigError, Mistake
from videossr.visible import visible
from videossr.wording import counted

if TYPE_CHECKING:
    from videossr.gallery import Written


def gallery(
    dataset: Annotated[Path, typer.Argument(help="A folder made by `videossr build`.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The HTML file; an earlier gallery is replaced."),
    ],
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="A task to show; may be repeated. By default all."),
    ] = None,
    per_group: Annotated[
        int, typer.Option(min=1, help="Most questions of a task at a level, or between two levels.")
    ] = 6,
    limit: Annotated[int | None, typer.Option(min=1, help="Most questions in all.")] = None,
    root: Root = None,
    workers: Workers = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Show some questions of a dataset on one page: clips to play, their frames, question, answer.

    The page is one HTML file that asks nothing of the network. Questions are chosen from every task
    and level, always the same ones. What cannot be rendered any more is shown with the reason, and
    the exit code is then 1. Videos are only ever read.

    Example: videossr gallery dataset -o gallery.html
    """
    from videossr.dataset import Dataset  # noqa: PLC0415 - reads with pyarrow
    from videossr.gallery import choose, is_gallery, write_gallery  # noqa: PLC0415 - needs torch
    from videossr.render import Renderer  # noqa: PLC0415

    if output.exists() and not is_gallery(output):
        right = "choose another file, or remove this one"
        raise ConfigError(Mistake(str(output), "exists already, and is no gallery", right))
    loaded = Dataset.load(dataset, root=root)
    loaded.refuse_moved()
    chosen = choose(loaded, tasks=task or None, per_group=per_group, limit=limit)
    registry = registry_of(loaded, plugins_dir, allow)
    renderer = Renderer.for_dataset(loaded, registry=registry)
    with progress_bar("rendering", quiet=quiet or as_json) as progress:
        written = write_gallery(
            loaded,
            chosen,
            renderer,
            output,
            title=dataset.resolve().name,
            workers=worker_count(workers),
            progress=progress,
        )
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "output": str(output),
                    "shown": written.shown,
                    "questions": written.questions,
                    "failed": dict(written.failed),
                    "bytes": written.bytes,
                }
            )
        )
    elif not quiet:
        _tell(output, written)
    for name, problem in written.failed.items():
        typer.echo(visible(f"error: {name}: {problem.removeprefix(f'{name}: ')}"), err=True)
    if written.failed:
        raise typer.Exit(1)


def _tell(output: Path, written: Written) -> None:
    size = f"{written.bytes / 2**20:.1f} MiB"
    typer.echo(f"{output}: {written.shown} of {counted(written.questions, 'question')}, {size}")
