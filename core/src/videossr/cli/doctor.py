"""`videossr doctor`: what of this machine would keep from working, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from videossr.cli.options import AsJson, Quiet


def doctor(
    folder: Annotated[
        Path, typer.Option(help="Where the work is to be done: room and locks are looked at there.")
    ] = Path(),
    network: Annotated[
        bool, typer.Option(help="Ask the model hub whether it can be reached.")
    ] = True,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Look whether this machine can do the work; for each fault, say what to do.

    Packages, plugins, decoders, GPU, disk, shared memory, locks and the model hub. Nothing is changed.
    The exit code is 1 if there is a fault; a warning is none.

    Example: videossr doctor --no-network
    """
    from rich.console import Console  # noqa: PLC0415 - not needed for help

    from videossr.cli.findings import as_json as plain  # noqa: PLC0415
    from videossr.cli.findings import show_findings  # noqa: PLC0415
    from videossr.doctor.examination import examine  # noqa: PLC0415 - needs the decoder

    found = list(examine(folder, network=network))
    if as_json:
        typer.echo(json.dumps(plain(found), indent=2))
    elif not quiet:
        show_findings(found, "doctor", Console())
    if any(one.state == "fault" for one in found):
        raise typer.Exit(1)
