"""`videossr plugins schema`: JSON Schema for editors."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from videossr.cli.options import PluginsDir
from videossr.registry import Registry


def schema(
    name: Annotated[
        str | None,
        typer.Argument(help="A plugin's name; without one, the whole run configuration."),
    ] = None,
    plugins_dir: PluginsDir = None,
) -> None:
    """Print JSON Schema of a plugin's entry, or of a whole configuration, for an editor to complete.

    Save it and begin a YAML file with `# yaml-language-server: $schema=videossr.schema.json`.

    Example: videossr plugins schema > videossr.schema.json
    """
    from videossr.cli.plugins.show import known  # noqa: PLC0415 - beside this module
    from videossr.config.describe import plugin_schema, run_schema  # noqa: PLC0415 - needs pydantic

    with redirect_stdout(sys.stderr):
        registry = Registry(folders=plugins_dir or ())
        if name is None:
            made = run_schema(registry)
        else:
            known(registry, name)
            made = plugin_schema(registry, name)
    typer.echo(json.dumps(made, indent=2))
