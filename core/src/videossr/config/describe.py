"""Configurations described: JSON Schema for editors, and an example of each plugin's entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from pydantic_core import PydanticUndefined

from videossr.config.schema import (
    BuildConfig,
    Entry,
    ModifierEntry,
    PluginsConfig,
    StoreConfig,
    Switch,
    TaskEntry,
    VideoConfig,
)
from videossr.extensions import extensions
from videossr.fields import default_of
from videossr.perturbations import perturbation_fields

if TYPE_CHECKING:
    from pydantic import BaseModel

    from videossr.origin import Kind
    from videossr.registry import Registry

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: What the core reads of an entry, by kind of plugin.
ENTRIES: Final[dict[Kind, type[Switch]]] = {
    "task": TaskEntry,
    "perturbation": Entry,
    "modifier": ModifierEntry,
}

#: Where plugins of a kind stand in the configuration.
PLACES: Final[dict[Kind, str]] = {
    "task": "tasks",
    "perturbation": "tasks.TASK.perturbations",
    "modifier": "modifiers",
}


def plugin_schema(registry: Registry, name: str) -> dict[str, Any]:
    """JSON Schema of one plugin's entry: the core's fields and its own.

    Raises:
        PluginError: the plugin does not work.
    """
    collected = _Collected(registry)
    entry = collected.entry(name)
    return {"$schema": _DIALECT, "title": name, **entry, "$defs": collected.definitions}


def run_schema(registry: Registry) -> dict[str, Any]:
    """JSON Schema of a whole run configuration with the plugins that work here."""
    collected = _Collected(registry)
    by_kind: dict[str, list[str]] = {"task": [], "perturbation": [], "modifier": []}
    for origin in registry.origins():
        if origin.state == "enabled":
            by_kind[origin.kind].append(origin.name)
    # Tables of perturbations refer to these.
    for name in by_kind["perturbation"]:
        collected.definitions[f"perturbation.{name}"] = collected.entry(name)
    text_or_list = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    properties = {
        "extends": {"description": "presets or files that this one lies over", **text_or_list},
        "seed": {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**32, "default": 0},
        "requires": {
            "description": "packages that must be installed, as pip writes them",
            "type": "array",
            "items": {"type": "string"},
        },
        "plugins": collected.model("plugins", PluginsConfig),
        "video": collected.model("video", VideoConfig),
        "store": collected.model("store", StoreConfig),
        "build": collected.model("build", BuildConfig),
        "tasks": {
            **_table({name: collected.entry(name) for name in by_kind["task"]}),
            # An entry by another name; which fields are its plugin's, the plugin's name says too late.
            "additionalProperties": {
                "type": "object",
                "properties": {"plugin": {"enum": by_kind["task"]}},
                "required": ["plugin"],
            },
        },
        "modifiers": _table({name: collected.entry(name) for name in by_kind["modifier"]}),
        **{name: collected.model(name, schema) for name, schema in extensions().sections().items()},
    }
    return {
        "$schema": _DIALECT,
        "title": "videossr run configuration",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": collected.definitions,
    }


def example_tree(registry: Registry, name: str) -> dict[str, Any]:
    """A plugin's entry at its place in a configuration, all settings written out.

    Raises:
        PluginError: the plugin does not work.
    """
    kind = registry.origin(name).kind
    schema, plugin = registry.schema(name), registry.plugin(name)
    entry = dict(getattr(plugin, "example", {}))
    drawn = perturbation_fields(schema)
    for field, info in schema.model_fields.items():
        if field in entry:
            continue
        if field in drawn:
            entry[field] = {name: {} for name in _working(registry, "perturbation")}
        elif not info.is_required():
            value = default_of(info)
            if value is not PydanticUndefined:  # one that follows from others is left to them
                entry[field] = TypeAdapter(Any).dump_python(value, mode="json")
    if kind == "modifier":
        return {"modifiers": {name: entry}}
    if kind == "perturbation":
        takers = [
            (task, field)
            for task in _working(registry, "task")
            for field in perturbation_fields(registry.schema(task))
        ]
        task, field = takers[0] if takers else ("TASK", "perturbations")
        return {"tasks": {task: {field: {name: entry}}}}
    return {"tasks": {name: entry}}


def _working(registry: Registry, kind: Kind) -> list[str]:
    return [
        origin.name
        for origin in registry.origins()
        if origin.kind == kind and origin.state == "enabled"
    ]


class _Collected:
    """JSON Schemas of models, their definitions gathered under names of their own."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.definitions: dict[str, Any] = {}

    def model(self, where: str, schema: type[BaseModel]) -> dict[str, Any]:
        made = schema.model_json_schema(ref_template=f"#/$defs/{where}.{{model}}")
        for name, definition in made.pop("$defs", {}).items():
            self.definitions[f"{where}.{name}"] = definition
        return made

    def entry(self, name: str) -> dict[str, Any]:
        origin, schema = self.registry.origin(name), self.registry.schema(name)
        own = self.model(f"{origin.kind}.{name}", schema)
        common = self.model(origin.kind, ENTRIES[origin.kind])
        properties = {**common["properties"], **own.get("properties", {})}
        for field in perturbation_fields(schema):
            properties[field] |= _table(
                {
                    one: {"$ref": f"#/$defs/perturbation.{one}"}
                    for one in _working(self.registry, "perturbation")
                    if f"perturbation.{one}" in self.definitions
                }
                or None
            )
        # Nothing is required: a file may leave to what it extends whatever it does not change.
        return {
            "description": origin.summary,
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }


def _table(entries: dict[str, Any] | None) -> dict[str, Any]:
    if entries is None:
        return {"type": "object"}
    return {
        "type": "object",
        "properties": {
            name: {"anyOf": [entry, {"type": "null"}]} for name, entry in entries.items()
        },
        "additionalProperties": False,
    }
