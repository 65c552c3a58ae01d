"""The command `videossr launch-file`."""

from __future__ import annotations

from typing import Annotated

import typer


def launch_file(
    name: Annotated[
        str | None, typer.Argument(help="Its name; without one, all are listed.")
    ] = None,
) -> None:
    """Print where a launch file for `accelerate launch --config_file` lies.

    Example: videossr launch-file fsdp2
    """
    from videossr_trainers.launch import files  # noqa: PLC0415 - when it is asked for

    if name is not None:
        typer.echo(files.launch_file(name))
        return
    for known, file in files.launch_files().items():
        typer.echo(f"{known:12} {files.purpose(file)}")
