"""Checking a configuration against the schemas of the core, the plugins and the extensions."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from videossr.config.schema import BuildConfig, Entry, TaskEntry, VideoConfig
from videossr.errors import ConfigError, Mistake
from videossr.extensions import extensions
from videossr.perturbations import Perturbations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from videossr.facades import Perturbation, Task
    from videossr.registry import Kind, Origin, Registry

Model = TypeVar("Model", bound=BaseModel)

#: Sections of packages that may not be installed.
_PROVIDERS: Final = dict.fromkeys(("model", "grpo", "warm_start"), "videossr-trainers")


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
    """

    seed: int
    video: VideoConfig
    build: BuildConfig
    tasks: Mapping[str, WeightedTask]
    sections: Mapping[str, BaseModel]

    def section(self, schema: type[Model]) -> Model:
        """The section that an extension registered with this schema."""
        found = next(s for s in self.sections.values() if type(s) is schema)
        assert isinstance(found, schema)  # noqa: S101 - for the type checker
        return found

    @property
    def plugins(self) -> Mapping[str, Origin]:
        """The plugins in use, by name: the tasks, and the perturbations that they draw from."""
        tasks = [weighted.task for weighted in self.tasks.values()]
        altering = [one for task in tasks for _, field in task.config for one in _within(field)]
        return {plugin.name: plugin.origin for plugin in (*tasks, *altering)}

    def tree(self) -> dict[str, Any]:
        """The tree that resolves to this again, with every default written out."""
        return {
            "seed": self.seed,
            "video": self.video.model_dump(mode="json"),
            "build": self.build.model_dump(mode="json"),
            "tasks": {name: _entry(weighted) for name, weighted in self.tasks.items()},
            **{name: section.model_dump(mode="json") for name, section in self.sections.items()},
        }


def resolve(tree: Mapping[str, Any], registry: Registry) -> RunConfig:
    """Check a tree, and bind the plugins that it enables. No other plugin is imported.

    Raises:
        ConfigError: with every mistake in the whole tree.
    """
    return _Resolution(registry).run(tree)


class _Resolution:
    """One pass over a tree, which collects mistakes rather than stopping at the first."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.mistakes: list[Mistake] = []

    def run(self, tree: Mapping[str, Any]) -> RunConfig:
        registered = extensions().hook.register_sections()
        schemas = {name: schema for one in registered for name, schema in one.items()}
        self.unknown_sections(tree, {"seed", "video", "build", "tasks", *schemas})
        seed = tree.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            self.mistake("seed", f"{seed!r} is no seed", "give a whole number, 0 or more")
        elif seed >= 2**32:  # what the libraries of the trainers take
            self.mistake("seed", f"{seed} is too large", "give a whole number below 2**32")
        video = self.model("video", VideoConfig, tree.get("video"))
        build = self.model("build", BuildConfig, tree.get("build"))
        tasks = self.tasks(tree.get("tasks"))
        sections = {
            name: self.model(name, schema, tree.get(name)) for name, schema in schemas.items()
        }
        if self.mistakes:
            raise ConfigError(self.mistakes)
        assert video and build  # noqa: S101, PT018 - no mistake, so both are there
        present = {name: section for name, section in sections.items() if section}
        return RunConfig(seed, video, build, tasks, present)

    def mistake(self, where: str, problem: str, right: str = "") -> None:
        self.mistakes.append(Mistake(where, problem, right))

    def unknown_sections(self, tree: Mapping[str, Any], known: Iterable[str]) -> None:
        for name in tree:
            if name in known:
                continue
            if name in _PROVIDERS:
                right = f"{_PROVIDERS[name]}, which reads it, is not installed; pip install {_PROVIDERS[name]}"
            else:
                right = _nearest(name, known, "sections are")
            self.mistake(name, "is no section", right)

    def model(
        self, where: str, schema: type[Model], data: object, *, beside: Iterable[str] = ()
    ) -> Model | None:
        """Validate one mapping; on failure note every mistake in it.

        Args:
            where: its place in the tree.
            schema: what it must fit.
            data: the mapping.
            beside: fields that others read of the same place.
        """
        data = {} if data is None else data
        if not isinstance(data, dict):
            self.mistake(
                where, f"{data!r} is no mapping", f"fields are {', '.join(schema.model_fields)}"
            )
            return None
        try:
            return schema.model_validate(data)
        except ValidationError as error:
            self.mistakes += _mistakes(where, schema, error, beside)
        except Exception as error:  # noqa: BLE001 - a stranger's validator may raise anything
            problem = f"checking it raised {type(error).__name__}: {error}"
            self.mistake(where, problem, f"a fault of {schema.__module__}.{schema.__qualname__}")
        return None

    def entries(
        self, where: str, data: object, kind: Kind, entry: type[Entry]
    ) -> dict[str, tuple[Entry | None, dict[str, Any]]]:
        """The enabled plugins of a table, each with the core's part and its own part of the entry.

        The core's part is None where it has mistakes, so that those of the plugin's own are found too.
        """
        if not isinstance(data, dict) or not data:
            right = f"name at least one {kind}; {self.installed(kind)}"
            self.mistake(where, f"{data!r} is no table of {kind}s", right)
            return {}
        found = {}
        for name, settings in data.items():
            here = f"{where}.{name}"
            fields = {} if settings is None else settings
            if not isinstance(fields, dict):
                self.mistake(
                    here, f"{fields!r} is no mapping", "write its settings, or {} for defaults"
                )
                continue
            own = {str(k): value for k, value in fields.items() if k not in entry.model_fields}
            common = self.model(
                here, entry, {k: fields[k] for k in entry.model_fields if k in fields}
            )
            if str(name) not in self.registry.names:
                self.mistake(
                    here,
                    f"no installed plugin has the name {name!r}",
                    self.registry.nearest(str(name)),
                )
                continue
            # Even beside mistakes of its own, a plugin that is switched off stays out.
            enabled = common.enabled if common else fields.get("enabled") is not False
            if enabled and self.works(here, str(name), kind):
                found[str(name)] = (common, own)
        return found

    def works(self, where: str, name: str, kind: Kind) -> bool:
        origin = self.registry.origin(name)
        if origin.state != "enabled":
            self.mistake(
                where, f"plugin of {origin.distribution} is {origin.state}", origin.problem
            )
        elif origin.kind != kind:
            self.mistake(where, f"is a {origin.kind}", f"must be a {kind}; {self.installed(kind)}")
        else:
            return True
        return False

    def installed(self, kind: Kind) -> str:
        of_kind = [origin.name for origin in self.registry.origins() if origin.kind == kind]
        return f"installed {kind}s: {', '.join(of_kind) or 'none'}"

    def tasks(self, data: object) -> dict[str, WeightedTask]:
        tasks = {}
        before = len(self.mistakes)
        entries = self.entries("tasks", data, "task", TaskEntry)
        for name, (common, own) in entries.items():
            schema = self.registry.schema(name)
            config = self.model(
                f"tasks.{name}",
                schema,
                self.with_perturbations(name, schema, own),
                beside=TaskEntry.model_fields,
            )
            if config and isinstance(common, TaskEntry):
                tasks[name] = WeightedTask(
                    self.registry.task(name, config, common.difficulty), common.weight
                )
        if not entries and len(self.mistakes) == before:
            self.mistake("tasks", "all are disabled", "enable at least one")
        return tasks

    def with_perturbations(
        self, task: str, schema: type[BaseModel], own: dict[str, Any]
    ) -> dict[str, Any]:
        """The task's settings with its tables of perturbations turned into ready objects."""
        ready = dict(own)
        for name, field in schema.model_fields.items():
            if field.annotation is not Perturbations or (
                name not in own and not field.is_required()
            ):
                continue
            where = f"tasks.{task}.{name}"
            before = len(self.mistakes)
            entries = self.entries(where, own.get(name), "perturbation", Entry)
            bound: dict[str, tuple[Perturbation, float]] = {}
            for choice, (common, settings) in entries.items():
                altering = self.registry.schema(choice)
                config = self.model(
                    f"{where}.{choice}", altering, settings, beside=Entry.model_fields
                )
                if config and common:
                    bound[choice] = (self.registry.perturbation(choice, config), common.weight)
            if not bound and len(self.mistakes) == before:
                self.mistake(where, "all are disabled", "enable at least one")
            ready[name] = Perturbations(bound)
        return ready


def _within(field: object) -> Iterable[Perturbation]:
    return field if isinstance(field, Perturbations) else ()


def _entry(weighted: WeightedTask) -> dict[str, Any]:
    task = weighted.task
    return {
        "weight": weighted.weight,
        "difficulty": task.difficulty,
        **task.config.model_dump(mode="json"),
    }


def _nearest(name: object, known: Iterable[str], listed: str) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"{listed} {', '.join(names)}"


def _mistakes(
    where: str, schema: type[BaseModel], error: ValidationError, beside: Iterable[str]
) -> list[Mistake]:
    found = []
    for item in error.errors(include_url=False):
        path = [str(step) for step in item["loc"]]
        field = schema.model_fields.get(path[0]) if path else None
        place = ".".join([where, *path])
        if item["type"] == "extra_forbidden" and len(path) == 1:
            known = {*schema.model_fields, *beside}
            found.append(Mistake(place, "is no field", _nearest(path[0], known, "fields are")))
            continue
        message = item["msg"].removeprefix("Value error, ")
        given = f"{item['input']!r}: " if path and item["type"] != "missing" else ""
        right = f"{path[0]} is {field.description}" if field and field.description else ""
        found.append(Mistake(place, given + message[:1].lower() + message[1:], right))
    return found
