"""Finding plugins, loading those that are wanted, and resolving each into a façade, once.

An entry point that fails to import is somebody's fault, but not that of the others: it is listed as
broken and the rest load. Only plugins that are asked for are imported at all.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Final, Literal

import pluggy

from videossr._hooks import PROJECT
from videossr.facades import Perturbation, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import BaseModel

GROUP: Final = "videossr"
COMMANDS_GROUP: Final = "videossr.commands"

Kind = Literal["task", "perturbation", "unknown"]
State = Literal["enabled", "broken", "conflict"]

#: The hooks that make a plugin of each kind.
KINDS: Final[Mapping[Kind, frozenset[str]]] = {
    "task": frozenset({"make_sample", "reward"}),
    "perturbation": frozenset({"perturb"}),
}

#: Fields of an entry in the configuration that the core reads, and so no plugin's own.
RESERVED: Final[Mapping[Kind, frozenset[str]]] = {
    "task": frozenset({"enabled", "weight", "difficulty"}),
    "perturbation": frozenset({"enabled", "weight"}),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from, and what became of it.

    Attributes:
        name: the entry point's name.
        distribution, version: the package that brings it.
        module: the entry point's value, `module:attribute`.
        plugin_version: the plugin's own version, which changes when its samples do.
        problem: why it is broken or in conflict.
    """

    name: str
    distribution: str
    version: str
    module: str
    kind: Kind = "unknown"
    state: State = "enabled"
    plugin_version: str = ""
    hooks: tuple[str, ...] = ()
    summary: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Loaded:
    origin: Origin
    plugin: Any


class Registry:
    """The plugins of this environment.

    Args:
        points: entry points to choose from; by default those that installed packages declare.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._points: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=GROUP) if points is None else points:
            self._points.setdefault(point.name, []).append(point)
        self._loaded: dict[str, _Loaded] = {}
        self._manager: Final = plugin_manager()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all plugins found, sorted. Nothing is imported for it."""
        return tuple(sorted(self._points))

    def origin(self, name: str) -> Origin:
        """What is known of a plugin; imports it.

        Raises:
            KeyError: no plugin has that name.
        """
        return self._load(name).origin

    def origins(self) -> list[Origin]:
        """What is known of every plugin; imports them all."""
        return [self.origin(name) for name in self.names]

    def schema(self, name: str) -> type[BaseModel]:
        """The schema of a working plugin's configuration."""
        config: type[BaseModel] = self._load(name).plugin.Config
        return config

    def task(self, name: str, config: BaseModel, difficulty: float) -> Task:
        """A working task plugin bound to its configuration."""
        loaded = self._load(name)
        call = self._callers(loaded, "make_sample", "difficulty_schedule", "reward")
        return Task(loaded.origin, config, call, difficulty)

    def perturbation(self, name: str, config: BaseModel) -> Perturbation:
        """A working perturbation plugin bound to its configuration."""
        loaded = self._load(name)
        phrase = str(getattr(loaded.plugin, "phrase", loaded.origin.summary))
        return Perturbation(loaded.origin, config, self._callers(loaded, "perturb"), phrase)

    def nearest(self, name: str) -> str:
        """A sentence that lists what there is, the name most like this one first."""
        near = difflib.get_close_matches(name, self.names, n=1)
        found = ", ".join(self.names) or "none"
        return (f"did you mean {near[0]!r}? " if near else "") + f"installed plugins: {found}"

    def _load(self, name: str) -> _Loaded:
        if name not in self._loaded:
            self._loaded[name] = loaded = _load(name, self._points[name])
            # Two names may stand for one object.
            if loaded.origin.state == "enabled" and not self._manager.is_registered(loaded.plugin):
                self._manager.register(loaded.plugin, name)
        return self._loaded[name]

    def _callers(self, loaded: _Loaded, *hooks: str) -> dict[str, Callable[..., Any]]:
        # pluggy's subset callers deny rather than allow, and a plugin registered later would leak
        # in: so each call names those that are registered now, and leaves out all but this one.
        def caller(hook: str) -> Callable[..., Any]:
            def call(**arguments: object) -> Any:  # noqa: ANN401 - what the hook returns
                others = [p for p in self._manager.get_plugins() if p is not loaded.plugin]
                return self._manager.subset_hook_caller(hook, others)(**arguments)

            return call

        return {hook: caller(hook) for hook in hooks}


def plugin_manager() -> pluggy.PluginManager:
    """A pluggy manager that knows our hooks."""
    from videossr import hookspecs  # noqa: PLC0415 - so that importing this module stays light

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _load(name: str, points: list[EntryPoint]) -> _Loaded:
    origin = _origin(name, points[0])
    if len(points) > 1:
        bringers = " and ".join(sorted(_distribution(point) for point in points))
        problem = f"{bringers} both bring a plugin of this name; uninstall one"
        return _Loaded(_fault(origin, "conflict", problem), None)
    try:
        plugin = points[0].load()
        hooks, problem = _hooks_of(plugin, name)
        kind: Kind = next((kind for kind, needed in KINDS.items() if needed <= hooks), "unknown")
        problem = problem or _unfit(plugin, kind, hooks)
        version, summary = (str(getattr(plugin, field, "")) for field in ("version", "summary"))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
        problem = f"importing {points[0].value} raised {type(error).__name__}: {error}"
        return _Loaded(_fault(origin, "broken", problem), None)
    known = Origin(
        origin.name,
        origin.distribution,
        origin.version,
        origin.module,
        kind,
        "broken" if problem else "enabled",
        version,
        tuple(sorted(hooks)),
        summary,
        problem,
    )
    return _Loaded(known, plugin)


def _hooks_of(plugin: object, name: str) -> tuple[frozenset[str], str]:
    """The hooks that a plugin implements, and what is wrong with them."""
    manager = plugin_manager()
    specified = frozenset(hook for hook in vars(manager.hook) if not hook.startswith("_"))
    try:
        manager.register(plugin, name)
    except pluggy.PluginValidationError as error:
        return frozenset(), " ".join(str(error).split())
    callers = manager.get_hookcallers(plugin) or ()
    hooks = frozenset(caller.name for caller in callers) & specified
    for caller in callers:
        if caller.name in hooks or all(hook.optionalhook for hook in caller.get_hookimpls()):
            continue
        near = difflib.get_close_matches(caller.name, sorted(specified), n=1)
        return hooks, f"no hook is called {caller.name!r}" + (
            f"; did you mean {near[0]!r}?"
            if near
            else f"; hooks are {', '.join(sorted(specified))}"
        )
    return hooks, ""


def _unfit(plugin: object, kind: Kind, hooks: Iterable[str]) -> str:
    """What a plugin lacks, or has too much of."""
    from pydantic import BaseModel  # noqa: PLC0415 - importing this module stays light

    missing = [needed for needed in ("Config", "summary", "version") if not hasattr(plugin, needed)]
    if missing:
        return f"has no attribute {' and no attribute '.join(map(repr, missing))}"
    if kind == "unknown":
        return (
            f"implements {', '.join(sorted(hooks)) or 'no hook'}; "
            "a task implements make_sample and reward, a perturbation perturb"
        )
    if isinstance(plugin, type):
        return f"is the class {plugin.__name__}; the entry point must name an instance of it"
    config = plugin.Config  # type: ignore[attr-defined] # it has one
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        return f"its Config is {config!r}; must be a Pydantic model"
    aliases = (field.alias for field in config.model_fields.values())
    taken = RESERVED[kind] & {*config.model_fields, *filter(None, aliases)}
    if taken:
        return (
            f"its Config has a field {' and '.join(map(repr, sorted(taken)))}, which the core reads "
            f"of every {kind}'s entry; give the field another name"
        )
    return ""


def _origin(name: str, point: EntryPoint) -> Origin:
    dist = point.dist
    return Origin(name, dist.name if dist else "unknown", dist.version if dist else "", point.value)


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _fault(origin: Origin, state: State, problem: str) -> Origin:
    return Origin(
        origin.name,
        origin.distribution,
        origin.version,
        origin.module,
        state=state,
        problem=problem,
    )
