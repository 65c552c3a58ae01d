"""`videossr store`: the clips of a dataset, decoded once and kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.options import AsJson, Quiet, Root, Workers, progress_bar, worker_count
from videossr.wording import counted

if TYPE_CHECKING:
    from videossr.clip_store import ClipStore
    from videossr.clips import Filled


def store(
    dataset: Annotated[Path, typer.Argument(help="A folder made by `videossr build`.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The store's folder; datasets and runs may share one."),
    ],
    max_gib: Annotated[
        float, typer.Option(min=0.001, help="GiB that it may take; a full store takes no more.")
    ] = 200.0,
    check: Annotated[
        bool, typer.Option("--check", help="First read every clip, and remove what is damaged.")
    ] = False,
    root: Root = None,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Decode every clip of a dataset once, and keep it, so that training decodes nothing.

    What is there already is left as it is, so a command that was ended goes on where it stopped. Give
    the folder to a run as `store.folder`. Videos are only ever read.

    Example: videossr store dataset -o clips
    """
    from videossr.clips import fill, open_store  # noqa: PLC0415 - needs the decoder
    from videossr.config import VideoConfig  # noqa: PLC0415
    from videossr.dataset import Dataset  # noqa: PLC0415

    loaded = Dataset.load(dataset, root=root)
    loaded.refuse_moved()
    kept = open_store(output, max_gib)
    sound, removed = kept.check() if check else (len(kept), 0)
    with progress_bar("decoding", quiet=quiet or as_json) as progress:
        filled = fill(
            kept,
            [recipe.excerpt for recipe in loaded.recipes],
            VideoConfig.model_validate(loaded.config["video"]),
            loaded.root,
            workers=worker_count(workers),
            progress=progress,
        )
    if as_json:
        measures = {"clips": sound + filled.decoded, "bytes": kept.bytes, "removed": removed}
        typer.echo(json.dumps({**asdict(filled), "missing": filled.missing, **measures}))
    elif not quiet:
        _tell(kept, filled, removed)


def _tell(kept: ClipStore, filled: Filled, removed: int) -> None:
    size = f"{len(kept)} clips, {kept.bytes / 2**30:.2f} GiB"
    if removed:
        typer.echo(f"removed {counted(removed, 'damaged clip')}")
    typer.echo(
        f"{kept.folder}: {size}; of the dataset's {filled.wanted}, {filled.present} were there and "
        f"{filled.decoded} are new"
    )
    for video, reason in filled.broken.items():
        typer.echo(f"  cannot be decoded: {video}: {reason}")
    if filled.missing and not filled.broken:
        typer.echo(f"  full: {filled.missing} more had no room; a larger --max-gib makes some")
