"""`videossr plugins new`: a complete package to begin with."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

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
    # An environment made by uv has no pip of its own, and another one's would install elsewhere.
    pip = "pip" if find_spec("pip") else "uv pip"
    typer.echo(f"  {pip} install -e '{folder}[test]'")
    typer.echo(f"  videossr plugins check {name}")
    typer.echo(f"  pytest {folder}")
