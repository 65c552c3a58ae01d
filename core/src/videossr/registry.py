"""The plugins of an environment: found once, imported when asked for, bound into façades.

An entry point that fails to import is somebody's fault, but not that of the others: it is listed as
broken and the rest work. Only plugins that are asked for are imported at all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from videossr.discovery import from_points, installed, loose_files
from videossr.errors import PluginError, did_you_mean
from videossr.vetting import vet, vet_wrappers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from importlib.metadata import EntryPoint
    from pathlib import Path

    from pydantic import BaseModel

    from videossr.discovery import Candidate
    from videossr.facades import Modifier, Perturbation, Task
    from videossr.origin import Origin
    from videossr.schedules import Schedule


class Registry:
    """The plugins to choose from. What there is never changes after it is made.

    Args:
        points: entry points; by default those of the installed packages.
        folders: of loose files, each a plugin.
        allow: names of plugins or of the packages that bring them; all others are barred. None bars
            nothing.

    Raises:
        ConfigError: one of the folders is none.
    """

    def __init__(
        self,
        points: Iterable[EntryPoint] | None = None,
        *,
        folders: Sequence[Path] = (),
        allow: Sequence[str] | None = None,
    ) -> None:
        found = installed() if points is None else from_points(points)
        # One that is named twice, by the configuration and the command line, is one all the same.
        once = {folder.resolve(): folder for folder in folders}.values()
        found += [candidate for folder in once for candidate in loose_files(folder)]
        self._allow: Final = None if allow is None else tuple(allow)
        by_name: dict[str, list[Candidate]] = {}
        for candidate in found:
            by_name.setdefault(candidate.origin.name, []).append(candidate)
        # Of two packages with one name, the allow-list may have chosen already.
        self._candidates: Final = {
            name: [one for one in candidates if self._allows(one.origin)] or candidates
            for name, candidates in by_name.items()
        }
        self._loaded: Final[dict[str, tuple[Origin, Any]]] = {}
        self._lock: Final = RLock()
        #: Names of all plugins found, sorted. Nothing is imported for it.
        self.names: Final[tuple[str, ...]] = tuple(sorted(self._candidates))

    def origin(self, name: str) -> Origin:
        """What is known of a plugin; imports it, unless it is barred or in conflict.

        Raises:
            KeyError: no plugin has that name.
        """
        return self._load(name)[0]

    def origins(self, *, without: Collection[str] = ()) -> list[Origin]:
        """What is known of every plugin.

        Args:
            without: plugins that are switched off, and so not imported for it.
        """
        return [
            self._disabled(name) if name in without else self.origin(name) for name in self.names
        ]

    def faults(self, *, without: Collection[str] = ()) -> list[Origin]:
        """The plugins that are broken or in conflict, of those that are not switched off."""
        return [
            origin
            for origin in self.origins(without=without)
            if origin.state in ("broken", "conflict")
        ]

    def plugin(self, name: str) -> Any:  # noqa: ANN401 - a stranger's object
        """The object behind a working plugin.

        Raises:
            KeyError: no plugin has that name.
            PluginError: it does not work.
        """
        origin, plugin = self._load(name)
        if origin.state != "enabled":
            problem = f"is {origin.standing}: {origin.problem}"
            raise PluginError(f"plugin {name!r} ({origin.bringer}) {problem}", plugin=name)
        return plugin

    def schema(self, name: str) -> type[BaseModel]:
        """The schema of a working plugin's configuration."""
        config: type[BaseModel] = self.plugin(name).Config
        return config

    def task(
        self,
        name: str,
        config: BaseModel,
        difficulty: Schedule | float = 0.5,
        *,
        modifiers: Sequence[Modifier] = (),
        time_limit_s: float | None = None,
    ) -> Task:
        """A working task plugin bound to its configuration.

        Args:
            name: the plugin's.
            config: an instance of its schema.
            difficulty: for a task that has no schedule of its own; a number stands for a constant.
            modifiers: around its hooks, the first the nearest.
            time_limit_s: seconds that a call may take; None for no limit.
        """
        from videossr.calls import Hooks  # noqa: PLC0415 - needed by runs, not by lists
        from videossr.facades import Task  # noqa: PLC0415
        from videossr.schedules import Constant  # noqa: PLC0415

        plugin, origin = self.plugin(name), self.origin(name)
        hooks = Hooks(plugin, origin, modifiers, time_limit_s)
        schedule = Constant(at=difficulty) if isinstance(difficulty, int | float) else difficulty
        return Task(origin, config, hooks, schedule)

    def perturbation(
        self,
        name: str,
        config: BaseModel,
        *,
        modifiers: Sequence[Modifier] = (),
        time_limit_s: float | None = None,
    ) -> Perturbation:
        """A working perturbation plugin bound to its configuration; arguments as for `task`.

        Raises:
            PluginError: what it says of itself with these settings is no text, or neither True nor
                False.
        """
        from videossr.calls import Hooks  # noqa: PLC0415 - needed by runs, not by lists
        from videossr.facades import Perturbation  # noqa: PLC0415

        plugin, origin = self.plugin(name), self.origin(name)
        hooks = Hooks(plugin, origin, modifiers, time_limit_s)
        phrase = _stated(plugin, origin, "phrase", config, origin.summary)
        involution = _stated(plugin, origin, "involution", config, False)
        return Perturbation(origin, config, hooks, phrase, involution)

    def modifier(
        self, name: str, config: BaseModel, tasks: tuple[str, ...] | None = None
    ) -> Modifier:
        """A working modifier plugin, with wrappers made for one run.

        Args:
            tasks: names of those that it is to lie around; None for all.

        Raises:
            PluginError: it makes none, or ones that fit no hook.
        """
        from videossr.calls import Hooks, blame  # noqa: PLC0415 - needed by runs, not by lists
        from videossr.facades import Modifier  # noqa: PLC0415

        plugin, origin = self.plugin(name), self.origin(name)
        wrappers = Hooks(plugin, origin).make(config)
        problem = vet_wrappers(wrappers)
        if problem:
            raise blame(origin, "make_modifier", problem)
        return Modifier(origin, config, wrappers, tasks)

    @property
    def found(self) -> str:
        """The names of all plugins, in words."""
        return f"installed plugins: {', '.join(self.names) or 'none'}"

    def nearest(self, name: str) -> str:
        """A sentence that lists what there is, the name most like this one first."""
        return f"{did_you_mean(name, self.names)} {self.found}".lstrip()

    def _load(self, name: str) -> tuple[Origin, Any]:
        with self._lock:
            if name not in self._loaded:
                unloaded = self._unloadable(name)
                self._loaded[name] = (
                    (unloaded, None) if unloaded else _load(self._candidates[name][0])
                )
            return self._loaded[name]

    def _unloadable(self, name: str) -> Origin | None:
        """The listing of a plugin that is not to be imported, whoever asks; None for the others."""
        candidates = self._candidates[name]
        if not self._allows(candidates[0].origin):
            listed = ", ".join(self._allow or ()) or "nothing"
            problem = f"is not on the allow-list, which has {listed}"
            return replace(candidates[0].origin, state="barred", problem=problem)
        if len(candidates) > 1:
            bringers = " and ".join(sorted(one.origin.bringer for one in candidates))
            problem = f"{bringers} both bring a plugin of this name; remove one"
            return replace(candidates[0].origin, state="conflict", problem=problem)
        return None

    def _allows(self, origin: Origin) -> bool:
        if self._allow is None:
            return True
        allowed = {_canonical(name) for name in self._allow}
        return bool({_canonical(origin.name), _canonical(origin.distribution)} & allowed)

    def _disabled(self, name: str) -> Origin:
        problem = "is not switched on in the configuration"
        off = replace(self._candidates[name][0].origin, state="disabled", problem=problem)
        return self._unloadable(name) or off


def _load(candidate: Candidate) -> tuple[Origin, Any]:
    origin = candidate.origin
    try:
        plugin = candidate.load()
        vetted = vet(plugin, origin.name)
        version, summary = (str(getattr(plugin, field, "")) for field in ("version", "summary"))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
        problem = f"importing {origin.module} raised {type(error).__name__}: {error}"
        return replace(origin, state="broken", problem=problem), None
    known = replace(
        origin,
        kind=vetted.kind,
        state="broken" if vetted.problem else "enabled",
        plugin_version=version,
        hooks=vetted.hooks,
        summary=summary,
        problem=vetted.problem,
    )
    return known, plugin


def _stated(plugin: Any, origin: Origin, fact: str, config: BaseModel, default: Any) -> Any:  # noqa: ANN401
    """What a plugin says of itself by an attribute, or by a method that takes its configuration."""
    from videossr.calls import blame  # noqa: PLC0415 - needed by runs, not by lists

    stated = getattr(plugin, fact, default)
    if callable(stated):
        try:
            stated = stated(config)
        except Exception as error:
            problem = f"{fact} raised {type(error).__name__}: {error}"
            raise blame(origin, "", problem) from error
    if type(stated) is not type(default):
        right = "True or False" if isinstance(default, bool) else "a text"
        problem = (
            f"{fact} is {stated!r}; must be {right}, or a method of the settings that gives it"
        )
        raise blame(origin, "", problem)
    return stated


def _canonical(name: str) -> str:
    """A name as packaging compares it: case, and kinds of dashes, don't matter."""
    return re.sub(r"[-_.]+", "-", name).lower()
