"""`videossr plugins show`: one plugin in full."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from textwrap import indent, wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videossr.cli.options import AsJson, PluginsDir
from videossr.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.fields import FieldRow
    from videossr.origin import Origin


def known(registry: Registry, name: str) -> Origin:
    """What is known of a plugin of that name.

    Raises:
        ConfigError: there is none.
    """
    from videossr.errors import ConfigError, Mistake  # noqa: PLC0415 - nothing heavy, but late

    if name not in registry.names:
        problem = f"no installed plugin has the name {name!r}"
        raise ConfigError(Mistake(name, problem, registry.nearest(name)))
    return registry.origin(name)


def show(
    name: Annotated[str, typer.Argument(help="The plugin's name.")],
    as_json: AsJson = False,
    plugins_dir: PluginsDir = None,
) -> None:
    """Show a plugin: what it does, its settings, how difficulty maps to them, an example, its origin.

    Example: videossr plugins show jigsaw
    """
    with redirect_stdout(sys.stderr):
        registry = Registry(folders=plugins_dir or ())
        origin = known(registry, name)
        facts = asdict(origin)
        if origin.state == "enabled":
            facts |= _settings(registry, name)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        typer.echo(_page(origin, facts))


def _settings(registry: Registry, name: str) -> dict[str, Any]:
    from videossr.config.describe import ENTRIES, PLACES, example_tree  # noqa: PLC0415 - needs pydantic
    from videossr.fields import fields_of  # noqa: PLC0415

    kind = registry.origin(name).kind
    return {
        "place": f"{PLACES[kind]}.{name}",
        "fields": [asdict(row) for row in fields_of(registry.schema(name))],
        "common_fields": [asdict(row) for row in fields_of(ENTRIES[kind])],
        "example": example_tree(registry, name),
    }


def _page(origin: Origin, facts: dict[str, Any]) -> str:
    from videossr._hooks import API_VERSION  # noqa: PLC0415 - one figure

    lines = [
        f"{origin.name}: {origin.summary}" if origin.summary else origin.name,
        "",
        f"kind     {origin.kind}",
        f"state    {origin.state}",
    ]
    if origin.problem:
        lines.append(f"problem  {origin.problem}")
    lines += [f"from     {origin.bringer}, {origin.module}"]
    if origin.state != "enabled":
        return "\n".join(lines)
    lines += [
        f"version  {origin.plugin_version}, part of every seed",
        f"hooks    {', '.join(origin.hooks)} (hook API {API_VERSION})",
    ]
    from videossr.fields import FieldRow  # noqa: PLC0415 - needs pydantic

    own = [FieldRow(**row) for row in facts["fields"]]
    common = [FieldRow(**row) for row in facts["common_fields"]]
    lines += ["", f"SETTINGS of {facts['place']}"]
    lines += _described(own) or ["  none of its own"]
    lines += ["", f"SETTINGS of every {origin.kind}", *_described(common)]
    levels = [row for row in own if row.levels]
    if levels:
        lines += ["", "DIFFICULTY", *_levels(levels)]
    lines += ["", "EXAMPLE", indent(in_yaml_lines(facts["example"]), "  ")]
    return "\n".join(lines)


def _described(rows: Sequence[FieldRow]) -> list[str]:
    lines = []
    for row in rows:
        bounds = f", {row.bounds}" if row.bounds else ""
        lines.append(f"  {row.name}: {row.type}{bounds}; default {row.default}")
        lines += wrap(row.meaning, 96, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return lines


def _levels(rows: Sequence[FieldRow]) -> list[str]:
    """The mapping from difficulty to settings, as a table."""
    from videossr.fields import in_digits  # noqa: PLC0415 - needs pydantic
    from videossr.levels import LEVELS  # noqa: PLC0415 - needs pydantic

    width = max(len(row.name) for row in rows)
    heads = [f"{name} ({level:g})" for name, level in LEVELS.items()]
    table = [f"  {'':{width}}  {'  '.join(f'{head:>12}' for head in heads)}"]
    for row in rows:
        values = [in_digits((row.levels or {})[level]) for level in LEVELS]
        table.append(f"  {row.name:{width}}  {'  '.join(f'{value:>12}' for value in values)}")
    return table


def in_yaml_lines(tree: object) -> str:
    """A tree in YAML, in the order that it has."""
    import yaml  # noqa: PLC0415 - not needed for a list

    return yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, width=92).rstrip()
