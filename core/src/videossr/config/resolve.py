"""Checking a configuration against the schemas of the core, the plugins and the extensions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from videossr.config.requirements import unmet
from videossr.config.run_config import RunConfig, WeightedTask
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
from videossr.config.trust import refuse_untrusted
from videossr.config.validation import mistakes_of, nearest
from videossr.discovery import NAME
from videossr.errors import ConfigError, Mistake, PluginError, did_you_mean
from videossr.extensions import extensions
from videossr.installing import install_command
from videossr.origin import SECTIONS
from videossr.perturbations import Perturbations, perturbation_fields
from videossr.registry import Registry
from videossr.vetting import NAME_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from videossr.facades import Modifier, Perturbation
    from videossr.origin import Kind

Model = TypeVar("Model", bound=BaseModel)

#: Sections of packages that may not be installed.
_PROVIDERS: Final = dict.fromkeys(("model", "grpo", "warm_start", "ablation"), "videossr-trainers")


def resolve(tree: Mapping[str, Any], registry: Registry | None = None) -> RunConfig:
    """Check a tree, and bind the plugins that it enables. No other plugin is imported.

    Args:
        tree: the whole configuration.
        registry: the plugins to choose from; by default those that the tree's `plugins` lets in.

    Raises:
        ConfigError: with every mistake in the whole tree.
    """
    return _Resolution(registry or registry_for(tree)).run(tree)


def registry_for(tree: Mapping[str, Any], *, named: Iterable[Path] = ()) -> Registry:
    """The plugins that a configuration may choose from.

    Args:
        named: folders of plugins that the user has named, and that may run.

    Raises:
        ConfigError: its `plugins` cannot be read, or names a folder that is none, or that the user has
            not named.
    """
    settings = _section(tree.get("plugins"))
    refuse_untrusted(settings.folders, named)
    folders = [Path(folder) for folder in settings.folders]
    return Registry(folders=folders, allow=settings.allow)


def switched_on(tree: Mapping[str, Any], registry: Registry) -> frozenset[str]:
    """The plugins that a configuration asks for, whether they work or not. No other is imported."""
    resolution = _Resolution(registry)
    resolution.modifiers(tree.get("modifiers"), tree.get("tasks"))
    resolution.tasks(tree.get("tasks"))
    return frozenset(resolution.asked)


def _section(data: object) -> PluginsConfig:
    resolution = _Resolution(Registry(()))
    settings = resolution.model("plugins", PluginsConfig, data)
    if settings is None:
        raise ConfigError(resolution.mistakes)
    return settings


class _Chosen(NamedTuple):
    """An enabled entry of a table.

    Attributes:
        plugin: the name of the plugin, which is the entry's own unless it says otherwise.
        common: what the core reads of it; None where that has mistakes, so that those of the plugin's
            own are found too.
        own: what the plugin reads of it.
    """

    plugin: str
    common: Switch | None
    own: dict[str, Any]


class _Resolution:
    """One pass over a tree, which collects mistakes rather than stopping at the first."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.mistakes: list[Mistake] = []
        self.asked: set[str] = set()
        self.off: set[str] = set()
        self.idle: dict[str, float] = {}
        self.around: dict[str, Modifier] = {}
        self.time_limit_s: float | None = None

    def run(self, tree: Mapping[str, Any]) -> RunConfig:
        schemas = extensions().sections()
        self.unknown_sections(tree, {*SECTIONS, *schemas})
        seed = tree.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            self.mistake("seed", f"{seed!r} is no seed", "give a whole number, 0 or more")
        elif seed >= 2**32:  # what the libraries of the trainers take
            self.mistake("seed", f"{seed} is too large", "give a whole number below 2**32")
        requires = self.requires(tree.get("requires"))
        discovery = self.model("plugins", PluginsConfig, tree.get("plugins"))
        self.time_limit_s = discovery.time_limit_s if discovery else None
        video = self.model("video", VideoConfig, tree.get("video"))
        store = self.model("store", StoreConfig, tree.get("store"))
        build = self.model("build", BuildConfig, tree.get("build"))
        # Before the tasks, whose hooks they are put around.
        self.around = self.modifiers(tree.get("modifiers"), tree.get("tasks"))
        tasks = self.tasks(tree.get("tasks"))
        sections = {
            name: self.model(name, schema, tree.get(name)) for name, schema in schemas.items()
        }
        if self.mistakes:
            raise ConfigError(self.mistakes)
        assert video and store and build and discovery  # noqa: S101, PT018 - no mistake, so all are there
        present = {name: section for name, section in sections.items() if section}
        # What lies around none of the tasks is no part of the run.
        modifiers = {
            name: one for name, one in self.around.items() if any(map(one.concerns, tasks))
        }
        # where a loose plugin lies must not depend on where the run is repeated from
        folders = tuple(dict.fromkeys(str(Path(f).resolve()) for f in discovery.folders))
        discovery = discovery.model_copy(update={"folders": folders})
        # A task that is on again has its share back.
        idle = {} if build.refill else {**build.off, **self.idle}
        left_out = {name: weight for name, weight in idle.items() if name not in tasks}
        build = build.model_copy(update={"off": dict(sorted(left_out.items()))})
        if store.folder is not None:
            store = store.model_copy(update={"folder": str(Path(store.folder).resolve())})
        return RunConfig(
            seed,
            video,
            store,
            build,
            tasks,
            present,
            modifiers,
            requires,
            discovery,
            self.registry,
            frozenset((self.off - self.asked) | (self.around.keys() - modifiers.keys())),
        )

    def requires(self, data: object) -> tuple[str, ...]:
        """Check that the packages that the configuration pins are installed."""
        wanted = [] if data is None else data
        if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            right = "write a list of packages, such as [videossr-jigsaw>=1.2]"
            self.mistake("requires", f"{data!r} is no list of packages", right)
            return ()
        for number, requirement in enumerate(wanted):
            if fault := unmet(requirement):
                self.mistake(f"requires.{number}", *fault)
        return tuple(wanted)

    def mistake(self, where: str, problem: str, right: str = "") -> None:
        self.mistakes.append(Mistake(where, problem, right))

    def unknown_sections(self, tree: Mapping[str, Any], known: Iterable[str]) -> None:
        for name in tree:
            if name in known:
                continue
            if name in _PROVIDERS:
                provider = _PROVIDERS[name]
                right = f"{provider}, which reads it, is not installed; {install_command(provider)}"
            else:
                right = nearest(name, known, "sections are")
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
            self.mistakes += mistakes_of(where, schema, error, beside)
        except Exception as error:  # noqa: BLE001 - a stranger's validator may raise anything
            problem = f"checking it raised {type(error).__name__}: {error}"
            self.mistake(where, problem, f"a fault of {schema.__module__}.{schema.__qualname__}")
        return None

    def entries(
        self, where: str, data: object, kind: Kind, entry: type[Switch]
    ) -> dict[str, _Chosen]:
        """The enabled entries of a table, by name."""
        if not isinstance(data, dict) or not data:
            right = f"name at least one {kind}; {self.registry.found}"
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
            plugin = self.plugin_of(here, str(name), fields if kind == "task" else {})
            if plugin is None:
                continue
            # Even beside mistakes of its own, a plugin that is switched off stays out.
            enabled = common.enabled if common else fields.get("enabled") is not False
            (self.asked if enabled else self.off).add(plugin)
            if not enabled and isinstance(common, TaskEntry):
                self.idle[str(name)] = common.weight
            if enabled and self.works(here, plugin, kind):
                found[str(name)] = _Chosen(plugin, common, own)
        return found

    def plugin_of(self, where: str, name: str, fields: Mapping[str, Any]) -> str | None:
        """The plugin that an entry is about: the one that it names, or else that of its own name."""
        named = fields.get("plugin")
        if named is None:
            if name in self.registry.names:
                return name
            self.mistake(
                where, f"no installed plugin has the name {name!r}", self.registry.nearest(name)
            )
            return None
        if str(named) not in self.registry.names:
            self.mistake(
                f"{where}.plugin",
                f"no installed plugin has the name {named!r}",
                self.registry.nearest(str(named)),
            )
            return None
        if name != named and name in self.registry.names:
            right = f"call the entry something else, {named}_2 perhaps"
            self.mistake(where, f"is of the plugin {named!r} and called like another plugin", right)
            return None
        if not NAME.fullmatch(name):
            self.mistake(where, f"the name {name!r} is none", NAME_IN_WORDS)
            return None
        return str(named)

    def works(self, where: str, name: str, kind: Kind) -> bool:
        origin = self.registry.origin(name)
        if origin.state != "enabled":
            self.mistake(
                where, f"plugin of {origin.distribution} is {origin.standing}", origin.problem
            )
        elif origin.kind != kind:
            self.mistake(where, f"is a {origin.kind}", f"must be a {kind}")
        else:
            return True
        return False

    def modifiers(self, data: object, tasks: object) -> dict[str, Modifier]:
        if data is None or data == {}:
            return {}
        bound = {}
        entries = self.entries("modifiers", data, "modifier", ModifierEntry)
        for name, (_, common, own) in entries.items():
            where = f"modifiers.{name}"
            schema = self.registry.schema(name)
            config = self.model(where, schema, own, beside=ModifierEntry.model_fields)
            if config and isinstance(common, ModifierEntry):
                self.known_tasks(where, common.tasks or (), tasks)
                try:
                    bound[name] = self.registry.modifier(name, config, common.tasks)
                except PluginError as error:
                    self.mistake(where, str(error))
        return bound

    def known_tasks(self, where: str, named: Iterable[str], tasks: object) -> None:
        known = [str(name) for name in tasks] if isinstance(tasks, dict) else []
        for name in named:
            if name not in known:
                right = did_you_mean(name, known) or f"tasks are {', '.join(known) or 'none'}"
                self.mistake(f"{where}.tasks", f"there is no task {name!r}", right)

    def modifiers_of(self, task: str) -> tuple[Modifier, ...]:
        return tuple(one for one in self.around.values() if one.concerns(task))

    def tasks(self, data: object) -> dict[str, WeightedTask]:
        tasks = {}
        before = len(self.mistakes)
        entries = self.entries("tasks", data, "task", TaskEntry)
        for name, (plugin, common, own) in entries.items():
            schema = self.registry.schema(plugin)
            config = self.model(
                f"tasks.{name}",
                schema,
                self.with_perturbations(name, schema, own),
                beside=TaskEntry.model_fields,
            )
            if config and isinstance(common, TaskEntry):
                task = self.registry.task(
                    plugin,
                    config,
                    common.difficulty,
                    modifiers=self.modifiers_of(str(name)),
                    time_limit_s=self.time_limit_s,
                )
                tasks[name] = WeightedTask(task, common.weight)
        if not entries and len(self.mistakes) == before:
            self.mistake("tasks", "all are disabled", "enable at least one")
        return tasks

    def with_perturbations(
        self, task: str, schema: type[BaseModel], own: dict[str, Any]
    ) -> dict[str, Any]:
        """The task's settings with its tables of perturbations turned into ready objects."""
        ready = dict(own)
        for name in perturbation_fields(schema):
            if name not in own and not schema.model_fields[name].is_required():
                continue
            where = f"tasks.{task}.{name}"
            before = len(self.mistakes)
            entries = self.entries(where, own.get(name), "perturbation", Entry)
            bound: dict[str, tuple[Perturbation, float]] = {}
            for choice, (_, common, settings) in entries.items():
                config = self.model(
                    f"{where}.{choice}",
                    self.registry.schema(choice),
                    settings,
                    beside=Entry.model_fields,
                )
                if config and isinstance(common, Entry):
                    altering = self.registry.perturbation(
                        choice,
                        config,
                        modifiers=self.modifiers_of(task),
                        time_limit_s=self.time_limit_s,
                    )
                    bound[choice] = (altering, common.weight)
            if not bound and len(self.mistakes) == before:
                self.mistake(where, "all are disabled", "enable at least one")
            ready[name] = Perturbations(bound)
        return ready
