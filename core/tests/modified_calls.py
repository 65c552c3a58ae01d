"""Modifiers made of wrappers, and tasks with them around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toy_plugins import TOYS, Pick, PickConfig, Scale, Settings, registry_of

from videossr import hookimpl
from videossr.config import resolve

if TYPE_CHECKING:
    from videossr.config import RunConfig
    from videossr.facades import Task


def modifier_of(wrappers: object) -> object:
    """A modifier that makes these wrappers."""

    class Making:
        Config = Settings
        summary = "For one test"
        version = "1"

        @hookimpl
        def make_modifier(self) -> object:
            return wrappers

    return Making()


def modified(wrappers: object, task: object | None = None) -> Task:
    """A task of settings of its own with these wrappers around it."""
    registry = registry_of(task=task or Pick(), odd=modifier_of(wrappers))
    modifier = registry.modifier("odd", Settings())
    return registry.task("task", PickConfig(), 0.5, modifiers=[modifier])


def configured(modifiers: dict[str, Any]) -> RunConfig:
    """A run with some of the modifiers `half` and `again`, both of which scale."""
    registry = registry_of(**TOYS, half=Scale(), again=Scale())
    return resolve({"tasks": {"pick": {}}, "modifiers": modifiers}, registry)
