"""`videossr plugins new`: a complete package to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from videossr.installing import install_command
from videossr.registry import Registry


def new(
    name: Annotated[str, typer.Argument(help="The plugin's name, such as odd_one_out.")],
    kind: Annotated[
        Literal["task", "perturbation", "modifier"], typer.Option(help="What it is to be.")
    ] = "task",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder that the package is written into.")
    ] = Path(),
) -> None:
    """Write a package with a working plugin, its tests and a README, to make your own of.

    It builds a wheel and passes its own checks as it is.

    Example: videossr plugins new odd_one_out --kind task -o ..
    """
    from videossr.scaffold import create  # noqa: PLC0415 - not needed for help

    folder = create(name, kind, output, taken=Registry().names)
    typer.echo(f"{folder}: a {kind} that works; make it yours in src/videossr_{name}/{name}.py")
    typer.echo("next:")
    typer.echo(f"  {install_command('-e', f'{folder}[test]')}")
    typer.echo(f"  videossr plugins check {name}")
    typer.echo(f"  pytest {folder}")
