"""`videossr build`: a configuration and videos become a dataset of recipes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.engines import EngineName, EngineOption, engine_of
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
    progress_bars,
)
from videossr.errors import ConfigError, Mistake
from videossr.wording import counted, how_often

if TYPE_CHECKING:
    from videossr.build import Summary
    from videossr.engine import Engine
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
    engine: EngineOption = EngineName.LOCAL,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make a dataset: one recipe for each question, and no pixels.

    Every question is rendered once to see that it holds, and its answer is noted beside it; a build
    that was ended goes on where it stopped. With build.check=false, as in the preset paper, questions
    are planned from the table alone, tens of thousands in a minute.

    Example: videossr build tiny --videos videos.parquet -o dataset build.size=200
    """
    from videossr.build import build_to  # noqa: PLC0415 - needs torch

    checked = checked_config(config, overrides, plugins_dir=plugins_dir, allow=allow, strict=strict)
    if output.exists():
        right = "choose another folder, or remove this one"
        raise ConfigError(Mistake(str(output), "exists already", right))
    chosen = engine_of(engine, workers)
    rows, root = videos_of(videos, chosen, quiet=quiet or as_json)
    bars = progress_bars("measuring floors", "building", quiet=quiet or as_json)
    with bars as (measuring, progress):
        summary = build_to(
            output,
            checked,
            rows,
            root,
            engine=chosen,
            progress=progress,
            floors_progress=measuring,
        )
    measured = checked.measurements()
    if as_json:
        typer.echo(json.dumps({**asdict(summary), "measurements": measured}))
    elif not quiet:
        describe(output, summary)
        for name, figure in measured.items():
            typer.echo(f"  {name} {figure:.6g}")


def videos_of(source: Path, engine: Engine, *, quiet: bool) -> tuple[list[VideoRow], Path]:
    """The rows of a table, or of a folder that is scanned for it, and the folder of the videos."""
    from videossr.scan import scan  # noqa: PLC0415 - needs the decoder
    from videossr.video_table import is_table, read_table  # noqa: PLC0415

    if is_table(source):
        return read_table(source)
    with progress_bar("scanning", quiet=quiet) as progress:
        rows = scan(source, engine=engine, progress=progress)
    return rows, (source if source.is_dir() else source.parent).resolve()


def describe(output: Path, summary: Summary) -> None:
    """Say what was built."""
    from videossr.build.card import times  # noqa: PLC0415 - needs jinja2

    how = "" if summary.checked else "planned and not rendered, "
    typer.echo(
        f"{output}: {counted(summary.questions, 'question')} about {counted(summary.used, 'video')}, "
        f"{how}"
        f"each of them asked about {times(summary)}"
    )
    of_all = _left_out_of_all(summary)
    for name, task in summary.tasks.items():
        typer.echo(
            f"  {name}: {task.questions} about {counted(task.videos, 'video')}, blind floor {task.floor:.3f}"
        )
        for reason, count in task.left_out.items():
            if reason not in of_all:
                typer.echo(f"    passed over {how_often(count)}: {reason}")
    for reason, count in of_all.items():
        typer.echo(f"  passed over by every task, {counted(count, 'video')}: {reason}")
    for name, size in summary.off.items():
        typer.echo(
            f"  {name}: switched off, {counted(size, 'question')} fewer; "
            "build.refill=true would share them"
        )
    if summary.twins:
        typer.echo(
            f"  passed over, of the same content as another: {counted(summary.twins, 'video')}"
        )
    for video, reason in summary.broken.items():
        typer.echo(f"  cannot be decoded: {video}: {reason}")


def _left_out_of_all(summary: Summary) -> dict[str, int]:
    """Why every one of several tasks passed over as many videos as the others, to be told once."""
    if len(summary.tasks) < 2:  # noqa: PLR2004 - the one task says it itself
        return {}
    first, *others = (task.left_out.items() for task in summary.tasks.values())
    return dict(reason for reason in first if all(reason in other for other in others))
