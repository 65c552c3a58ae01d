"""A configuration once it is checked: what a run consists of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import xxhash
from pydantic import BaseModel

from videossr.config.schema import (
    BuildConfig,
    PluginsConfig,
    StoreConfig,
    VideoConfig,
)
from videossr.perturbations import Perturbations
from videossr.registry import Registry
from videossr.schedules import written
from videossr.vetting import WRAPPABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from videossr.facades import Modifier, Perturbation, Task
    from videossr.origin import Origin

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class WeightedTask:
    """A task and its share of the questions, relative to its neighbours."""

    task: Task
    weight: float


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A checked configuration, its plugins bound and ready.

    Attributes:
        tasks: by name, in the order of the configuration.
        sections: those of extensions, by name; absent sections have their defaults.
        modifiers: by name; the first is the nearest to the plugins.
        requires: the packages that had to be there, as pip writes them.
        discovery: which plugins may be used at all.
        registry: those that there are.
        switched_off: the plugins that the configuration names and uses nowhere.
    """

    seed: int
    video: VideoConfig
    store: StoreConfig
    build: BuildConfig
    tasks: Mapping[str, WeightedTask]
    sections: Mapping[str, BaseModel]
    modifiers: Mapping[str, Modifier] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    discovery: PluginsConfig = field(default_factory=PluginsConfig)
    registry: Registry = field(default_factory=Registry, compare=False, repr=False)
    switched_off: frozenset[str] = frozenset()

    def section(self, schema: type[Model]) -> Model:
        """The section that an extension registered with this schema."""
        found = next(s for s in self.sections.values() if type(s) is schema)
        assert isinstance(found, schema)  # noqa: S101 - for the type checker
        return found

    @property
    def plugins(self) -> Mapping[str, Origin]:
        """The plugins in use: tasks, the perturbations that they draw from, modifiers; by name."""
        tasks = [weighted.task for weighted in self.tasks.values()]
        altering = [one for task in tasks for _, field in task.config for one in _within(field)]
        origins = [plugin.origin for plugin in (*tasks, *altering)]
        origins += [modifier.origin for modifier in self.modifiers.values()]
        return {origin.name: origin for origin in origins}

    @property
    def provenance(self) -> dict[str, dict[str, str]]:
        """Where the plugins in use come from, as plain JSON values, by name."""
        return {
            name: {
                "distribution": origin.distribution,
                "version": origin.version,
                "plugin_version": origin.plugin_version,
            }
            for name, origin in self.plugins.items()
        }

    @property
    def of_rewards(self) -> frozenset[str]:
        """The modifiers that lie around rewards and nothing else: without them the questions are the same."""
        others = {*WRAPPABLE} - {"reward"}
        return frozenset(
            name
            for name, modifier in self.modifiers.items()
            if not any(modifier.wraps(hook) for hook in others)
        )

    def around(self, task: str) -> list[Modifier]:
        """The modifiers that lie around a task, the nearest first."""
        return [one for one in self.modifiers.values() if one.concerns(task)]

    def measurements(self) -> dict[str, float]:
        """What the modifiers have gathered in this process so far, as `modifier/figure`."""
        return {
            f"{modifier.name}/{name}": figure
            for modifier in self.modifiers.values()
            for name, figure in modifier.measurements().items()
        }

    def settings_hash(self, task: str) -> str:
        """XXH3, 128 bits, hexadecimal, of all settings that a task's questions depend on.

        Those of the modifiers that alter its clips are among them.

        Not of its weight and its schedule, which say how many there are and how hard. Settings that have
        their defaults don't count, so that a new one does not make old datasets unreadable; a default
        that changes is a new version of the plugin.
        """
        bound = self.tasks[task].task
        own = bound.config.model_dump(mode="json", exclude_defaults=True)
        own |= {
            name: field.changed_settings()
            for name, field in bound.config
            if isinstance(field, Perturbations)
        }
        video = self.video.model_dump(mode="json", exclude_defaults=True)
        preparing = [
            [one.name, one.config.model_dump(mode="json", exclude_defaults=True)]
            for one in self.around(task)
            if one.wraps("prepare_clip")
        ]
        determining = [bound.name, own, video, *([preparing] if preparing else [])]
        return xxhash.xxh3_128_hexdigest(json.dumps(determining, sort_keys=True).encode())

    def tree(self) -> dict[str, Any]:
        """The tree that resolves to the same run, with every default written out.

        Without what is no part of the run: tasks that are switched off, also where modifiers name them.
        """
        return {
            "seed": self.seed,
            "requires": list(self.requires),
            "plugins": self.discovery.model_dump(mode="json"),
            "video": self.video.model_dump(mode="json"),
            "store": self.store.model_dump(mode="json"),
            "build": self.build.model_dump(mode="json"),
            "tasks": {name: _entry(name, weighted) for name, weighted in self.tasks.items()},
            "modifiers": {
                name: self._modifier_entry(modifier) for name, modifier in self.modifiers.items()
            },
            **{name: section.model_dump(mode="json") for name, section in self.sections.items()},
        }

    def _modifier_entry(self, modifier: Modifier) -> dict[str, Any]:
        own = modifier.config.model_dump(mode="json")
        if modifier.tasks is None:
            return own
        return {"tasks": [name for name in modifier.tasks if name in self.tasks], **own}


def _within(field: object) -> Iterable[Perturbation]:
    return field if isinstance(field, Perturbations) else ()


def _entry(name: str, weighted: WeightedTask) -> dict[str, Any]:
    task = weighted.task
    return {
        **({} if name == task.name else {"plugin": task.name}),
        "weight": weighted.weight,
        "difficulty": written(task.difficulty),
        **task.config.model_dump(mode="json"),
    }
