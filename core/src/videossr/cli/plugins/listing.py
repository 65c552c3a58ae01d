"""`videossr plugins list`: every plugin, its state, and where it comes from."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.options import Allow, AsJson, PluginsDir, Strict, refuse_faults
from videossr.installing import install_command
from videossr.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr.origin import Origin


def list_plugins(
    as_json: AsJson = False,
    requirements: Annotated[
        bool,
        typer.Option(
            "--requirements", help="Print the packages that bring them, as pip reads them."
        ),
    ] = False,
    config: Annotated[
        str | None,
        typer.Option(help="A preset or YAML file; what it does not switch on is disabled."),
    ] = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    strict: Strict = False,
) -> None:
    """List every plugin found, with its state and where it comes from.

    States: enabled, disabled (by --config), broken, conflict (two packages, one name), barred (by an
    allow-list). A plugin that is disabled or barred is not imported.

    Example: videossr plugins list --json
    """
    # What modules print when they are imported is not the list.
    with redirect_stdout(sys.stderr):
        if config is None:
            registry, off = Registry(folders=plugins_dir or (), allow=allow), set[str]()
        else:
            registry, off = _configured(config, plugins_dir or (), allow)
        origins = registry.origins(without=off)
    if as_json:
        typer.echo(json.dumps([asdict(origin) for origin in origins], indent=2))
    elif requirements:
        for line in _requirements(origins):
            typer.echo(line)
    elif not origins:
        typer.echo(
            f"no plugin is installed; {install_command('videossr')} brings those of this project"
        )
    else:
        _print_table(origins)
    if strict:
        refuse_faults(registry, off)


def _configured(
    config: str, folders: Sequence[Path], allow: Sequence[str] | None
) -> tuple[Registry, set[str]]:
    """The plugins that a configuration may choose from, and those that it does not switch on."""
    from videossr.config.load import read_tree, with_plugins  # noqa: PLC0415 - needs omegaconf
    from videossr.config.resolve import registry_for, switched_on  # noqa: PLC0415 - needs pydantic

    tree = with_plugins(read_tree(config), folders=folders, allow=allow)
    registry = registry_for(tree, named=folders)
    return registry, {*registry.names} - switched_on(tree, registry)


def _requirements(origins: Sequence[Origin]) -> list[str]:
    """Pins of the packages whose plugins work; loose files as remarks, since pip cannot bring them."""
    working = [origin for origin in origins if origin.state == "enabled"]
    pins = {f"{o.distribution}=={o.version}" for o in working if not o.loose}
    loose = {f"# {o.distribution} ({o.version})" for o in working if o.loose}
    return [*sorted(pins), *sorted(loose)]


def _print_table(origins: Sequence[Origin]) -> None:
    rows = [("NAME", "KIND", "STATE", "FROM", "SUMMARY")]
    rows += [
        (
            one.name,
            one.kind,
            one.state,
            one.bringer,
            " ".join((one.problem or one.summary).split()),
        )
        for one in origins
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]))
