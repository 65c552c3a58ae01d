"""What a configuration, as it was written down, says of the modifiers around tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def entries_around(task: str, config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries of the modifiers that lie around a task, the nearest first, without whose they are."""
    return {
        name: {field: value for field, value in entry.items() if field not in {"enabled", "tasks"}}
        for name, entry in _switched_on(config).items()
        if entry.get("tasks") is None or task in entry["tasks"]
    }


def modifiers_in_words(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of those that are switched on; of one that lies around some tasks, with these."""
    return tuple(
        f"{name} ({', '.join(entry['tasks'])})" if entry.get("tasks") is not None else name
        for name, entry in _switched_on(config).items()
    )


def _switched_on(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By name, in the order of the configuration."""
    entries = {name: entry or {} for name, entry in (config.get("modifiers") or {}).items()}
    return {name: entry for name, entry in entries.items() if entry.get("enabled", True)}
