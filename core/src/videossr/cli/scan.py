"""`videossr scan`: a folder of videos becomes a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.options import AsJson, Quiet, Workers, progress_bar, worker_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.video_table import VideoRow


def scan(
    videos: Annotated[Path, typer.Argument(help="A folder, searched to the bottom, or one video.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write (Parquet).")],
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Look at every video below a folder and write a table of them.

    A video that cannot be used is quarantined in the table with the reason. Sources are only read.

    Example: videossr scan my_videos -o videos.parquet
    """
    from videossr.scan import scan as scan_videos  # noqa: PLC0415 - needs the decoder
    from videossr.video_table import write_table  # noqa: PLC0415

    with progress_bar("scanning", quiet=quiet or as_json) as progress:
        rows = scan_videos(videos, workers=worker_count(workers), progress=progress)
    root = videos if videos.is_dir() else videos.parent
    write_table(rows, output, root.resolve())
    if as_json:
        typer.echo(json.dumps(_summary(rows)))
    elif not quiet:
        usable = [row for row in rows if row.state == "ok"]
        seconds = sum(row.duration for row in usable)
        typer.echo(
            f"{output}: {len(rows)} videos, {len(usable)} usable, {seconds / 60:.1f} minutes"
        )
        for row in rows:
            if row.state != "ok":
                typer.echo(f"  quarantined {row.path}: {row.reason}: {row.detail}")


def _summary(rows: Sequence[VideoRow]) -> dict[str, object]:
    quarantined = {row.path: row.reason for row in rows if row.state != "ok"}
    return {"videos": len(rows), "usable": len(rows) - len(quarantined), "quarantined": quarantined}
