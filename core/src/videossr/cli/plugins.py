"""`videossr plugins`: what is installed, from where, and in which state."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict

import typer

from videossr.cli.options import AsJson
from videossr.registry import Registry

app = typer.Typer(help="See the installed plugins.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _plugins() -> None:
    """See the installed plugins."""


@app.command("list")
def list_plugins(as_json: AsJson = False) -> None:
    """List every plugin found, with its state and where it comes from.

    Example: videossr plugins list --json
    """
    # What modules print when they are imported is not the list.
    with redirect_stdout(sys.stderr):
        origins = Registry().origins()
    if as_json:
        typer.echo(json.dumps([asdict(origin) for origin in origins], indent=2))
        return
    if not origins:
        typer.echo("no plugin is installed; pip install videossr brings those of this project")
        return
    rows = [("NAME", "KIND", "STATE", "FROM", "SUMMARY")]
    rows += [
        (
            one.name,
            one.kind,
            one.state,
            f"{one.distribution} {one.version}".strip(),
            " ".join((one.problem or one.summary).split()),
        )
        for one in origins
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]))
