"""`videossr build`: a configuration and videos become a dataset of recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.options import (
    Allow,
    AsJson,
    Overrides,
    PluginsDir,
    Quiet,
    Strict,
    Workers,
    checked_config,
    progress_bar,
    worker_count,
)
from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from videossr.dataset import Dataset
    from videossr.video_table import VideoRow


def build(
    config: Annotated[str, typer.Argument(help="A preset's name, or a YAML file.")],
    videos: Annotated[
        Path, typer.Option(help="A table from `videossr scan`, or a folder to scan on the way.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The dataset's folder, to be made.")
    ],
    overrides: Overrides = None,
    workers: Workers = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make a dataset: one recipe for each question, nothing rendered to disk.

    Every question is rendered once to see that it holds, and its answer is noted beside it.

    Example: videossr build tiny --videos videos.parquet -o dataset build.size=200
    """
    from videossr.build import build as build_dataset  # noqa: PLC0415 - needs torch

    checked = checked_config(config, overrides, plugins_dir=plugins_dir, allow=allow, strict=strict)
    if output.exists():
        right = "choose another folder, or remove this one"
        raise ConfigError(Mistake(str(output), "exists already", right))
    rows, root = _videos(videos, worker_count(workers), quiet=quiet or as_json)
    with progress_bar("building", quiet=quiet or as_json) as progress:
        dataset = build_dataset(
            checked, rows, root, workers=worker_count(workers), progress=progress
        )
    dataset.save(output)
    measured = checked.measurements()
    if as_json:
        typer.echo(json.dumps({**_summary(dataset), "measurements": measured}))
    elif not quiet:
        _describe(output, dataset)
        for name, figure in measured.items():
            typer.echo(f"  {name} {figure:.6g}")


def _videos(source: Path, workers: int, *, quiet: bool) -> tuple[list[VideoRow], Path]:
    from videossr.scan import scan  # noqa: PLC0415 - needs the decoder
    from videossr.video_table import is_table, read_table  # noqa: PLC0415

    if is_table(source):
        return read_table(source)
    with progress_bar("scanning", quiet=quiet) as progress:
        rows = scan(source, workers=workers, progress=progress)
    return rows, (source if source.is_dir() else source.parent).resolve()


def _summary(dataset: Dataset) -> dict[str, object]:
    return {
        "questions": {task: len(dataset.of_task(task)) for task in dataset.tasks},
        "floors": dict(dataset.floors),
        "left_out": dict(dataset.left_out),
        "broken": dict(dataset.broken),
    }


def _describe(output: Path, dataset: Dataset) -> None:
    typer.echo(f"{output}: {len(dataset.recipes)} questions")
    for task in dataset.tasks:
        asked = dataset.of_task(task)
        used = len({recipe.video for recipe in asked})
        typer.echo(
            f"  {task}: {len(asked)} about {used} videos, blind floor {dataset.floors[task]:.3f}"
        )
        for reason, count in dataset.left_out.get(task, {}).items():
            typer.echo(f"    passed over {count} times: {reason}")
    for video, reason in dataset.broken.items():
        typer.echo(f"  cannot be decoded: {video}: {reason}")
