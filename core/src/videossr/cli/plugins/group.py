"""The group of commands about plugins."""

from __future__ import annotations

import typer

from videossr.cli.plugins.check import check
from videossr.cli.plugins.listing import list_plugins
from videossr.cli.plugins.new import new
from videossr.cli.plugins.schema import schema
from videossr.cli.plugins.show import show

app = typer.Typer(help="See, check and start plugins.", no_args_is_help=True, rich_markup_mode=None)
app.command("list")(list_plugins)
app.command()(show)
app.command()(schema)
app.command()(new)
app.command()(check)


@app.callback()
def _plugins() -> None:
    """See, check and start plugins."""
