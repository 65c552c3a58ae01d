"""`videossr scan`: videos become a table."""

from __future__ import annotations

import json
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from videossr.cli.engines import EngineName, EngineOption, engine_of
from videossr.cli.options import AsJson, Quiet, Workers, progress_bar
from videossr.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.video_table import VideoRow

#: Quarantined videos that are named one by one; the table has them all.
_NAMED: Final = 20


class Check(StrEnum):
    """How much of a video is decoded."""

    ALL = "all"
    ENDS = "ends"


def scan(
    videos: Annotated[
        list[str],
        typer.Argument(
            help="Folders, searched to the bottom; patterns, such as 'clips/**/*.mp4'; lists (.txt, "
            "a path a line); earlier tables; or single videos.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write (Parquet).")],
    root: Annotated[
        Path | None,
        typer.Option(
            help="The folder that paths in the table start from; by default the deepest one that "
            "holds all videos."
        ),
    ] = None,
    check: Annotated[
        Check,
        typer.Option(
            help="all: decode every frame. ends: only the first frame and the last key frame, many "
            "times quicker, but damage in between is found only when a question is made of it."
        ),
    ] = Check.ALL,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Read every file again, even those that have not changed."),
    ] = False,
    time_limit: Annotated[
        float,
        typer.Option(min=0.001, help="Seconds after which a decoder that gets nowhere is ended."),
    ] = 60.0,
    memory_limit: Annotated[
        float, typer.Option(min=0.1, help="GiB of memory that a video may take.")
    ] = 4.0,
    workers: Workers = None,
    engine: EngineOption = EngineName.LOCAL,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Look at every video and write a table of them. Videos are only ever read.

    A video that cannot be used is quarantined in the table with the reason. A table that is there
    already is brought up to date: what has not changed is not read again. A scan that was ended, by
    whatever, goes on where it stopped.

    Example: videossr scan my_videos -o videos.parquet
    """
    from videossr.scan import Limits, scan_to_table  # noqa: PLC0415 - needs the decoder

    with progress_bar("scanning", quiet=quiet or as_json) as progress:
        rows = scan_to_table(
            videos,
            output,
            root=root,
            check=check.value,
            limits=Limits(seconds=time_limit, bytes=int(memory_limit * 2**30)),
            fresh=fresh,
            engine=engine_of(engine, workers),
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(_summary(rows)))
    elif not quiet:
        _tell(rows, output)


def _tell(rows: Sequence[VideoRow], output: Path) -> None:
    usable = [row for row in rows if row.state == "ok"]
    seconds = sum(row.duration for row in usable)
    typer.echo(
        f"{output}: {counted(len(rows), 'video')}, {len(usable)} usable, "
        f"{seconds / 60:.1f} minutes of video"
    )
    quarantined = [row for row in rows if row.state != "ok"]
    if quarantined:
        counts = Counter(row.reason for row in quarantined).most_common()
        listed = ", ".join(f"{count} {reason}" for reason, count in counts)
        typer.echo(f"quarantined: {listed}")
    for row in quarantined[:_NAMED]:
        typer.echo(f"  {row.path}: {row.reason}: {row.detail}")
    if len(quarantined) > _NAMED:
        typer.echo(f"  and {len(quarantined) - _NAMED} more, which the table has")


def _summary(rows: Sequence[VideoRow]) -> dict[str, object]:
    quarantined = {row.path: row.reason for row in rows if row.state != "ok"}
    return {
        "videos": len(rows),
        "usable": len(rows) - len(quarantined),
        "seconds": sum(row.duration for row in rows),
        "reasons": dict(Counter(quarantined.values())),
        "quarantined": quarantined,
    }
