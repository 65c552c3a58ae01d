"""`videossr export`: a dataset as other trainers and libraries read it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from videossr.cli.engines import EngineName, EngineOption, engine_of
from videossr.cli.options import (
    Allow,
    AsJson,
    PluginsDir,
    Quiet,
    Root,
    Workers,
    progress_bar,
    registry_of,
)
from videossr.errors import ConfigError, Mistake
from videossr.wording import counted

if TYPE_CHECKING:
    from videossr.export.exporting import Exports


def export(
    dataset: Annotated[Path, typer.Argument(help="A folder made by `videossr build`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to be made.")],
    to: Annotated[str, typer.Option(help="verl, datasets (Hugging Face), ms-swift or easyr1.")],
    split: Annotated[
        Literal["both", "train", "held_out", "all"],
        typer.Option(help="Sides of the dataset's split; `all` puts all questions into one."),
    ] = "both",
    questions: Annotated[
        int | None,
        typer.Option(min=1, help="Most questions of each side, spread over tasks. By default all."),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="[frames|video]",
            help="Clips as an image for each frame, for verl the usual way, or as video files.",
        ),
    ] = None,
    jpeg_quality: Annotated[
        int | None,
        typer.Option(
            metavar="1-100",
            help="Frames as JPEG, which loses a little; by default PNG, without loss.",
        ),
    ] = None,
    video_crf: Annotated[
        int | None,
        typer.Option(
            metavar="0-51",
            help="Videos as 4:2:0, as browsers play them, of this quality; by default RGB without loss.",
        ),
    ] = None,
    place: Annotated[
        Path | None,
        typer.Option(help="Where the folder will lie when it is read, if it is to be moved."),
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME", help="For datasets: send it to the Hugging Face Hub, too."
        ),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see what is sent to the Hub.")
    ] = False,
    root: Root = None,
    workers: Workers = None,
    engine: EngineOption = EngineName.LOCAL,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Hand a dataset over: questions in another trainer's form, rendered videos, and our rewards.

    The folder's README has the command by which the trainer is given it. An export that was ended goes
    on where it stopped, by the same command. A question whose two videos are on both sides of the split
    is left out, and told. What is sent to the Hub is private unless --public.

    Example: videossr export dataset -o for_verl --to verl
    """
    from videossr.export.peers import peer_of  # noqa: PLC0415 - needs pyarrow
    from videossr.export.shown import writer_of  # noqa: PLC0415 - needs torch

    peer, way = peer_of(to, show)
    writer = writer_of(
        way, jpeg_quality=jpeg_quality, video_crf=video_crf, even=peer.by_twos and way == "video"
    )
    if to == "datasets":
        from videossr.export.hub import refuse_without_datasets  # noqa: PLC0415

        refuse_without_datasets()
    elif push_to_hub:
        right = "--to datasets"
        raise ConfigError(Mistake("--push-to-hub", f"goes with {right} alone, not {to}", right))
    if public and not push_to_hub:
        raise ConfigError(Mistake("--public", "nothing is sent to the Hub", "give --push-to-hub"))

    from videossr.dataset import Dataset  # noqa: PLC0415 - reads with pyarrow
    from videossr.export.exporting import export_dataset, refuse_existing  # noqa: PLC0415
    from videossr.render import Renderer  # noqa: PLC0415

    refuse_existing(output)
    loaded = Dataset.load(dataset, root=root)
    loaded.refuse_moved()
    renderer = Renderer.for_dataset(loaded, registry=registry_of(loaded, plugins_dir, allow))
    with progress_bar("rendering", quiet=quiet or as_json) as progress:
        exports = export_dataset(
            loaded,
            renderer,
            output,
            peer,
            writer,
            split=split,
            questions=questions,
            place=place,
            engine=engine_of(engine, workers),
            progress=progress,
        )
    if not quiet and not as_json:
        _tell(output, exports)
    address = ""
    if push_to_hub:
        from videossr.export.hub import push  # noqa: PLC0415

        address = push(output, push_to_hub, public=public)
    if as_json:
        typer.echo(json.dumps({"output": str(output), **asdict(exports), "address": address}))
    elif address and not quiet:
        typer.echo(f"  sent to {address}")


def _tell(output: Path, exports: Exports) -> None:
    sides = ", ".join(f"{counted(n, 'question')} {side}" for side, n in exports.questions.items())
    size = f"{exports.bytes / 2**20:.1f} MiB"
    typer.echo(f"{output}: {sides}; {counted(exports.files, 'file')} of pictures, {size}")
    for reason, often in exports.left_out.items():
        typer.echo(f"  left out, {counted(often, 'question')}: {reason}")
    typer.echo(f"  how to use it: {output / 'README.md'}")
