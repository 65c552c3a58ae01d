"""Looking a plugin over before it is used: every fault is told here rather than met in a run."""

from __future__ import annotations

import inspect
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args, get_origin

import pluggy

from videossr import _hooks, hookspecs
from videossr._hooks import PROJECT
from videossr.discovery import NAME
from videossr.errors import did_you_mean
from videossr.installing import install_command
from videossr.origin import KINDS, OPTIONAL, RESERVED, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel

#: The hooks that a modifier wraps.
WRAPPABLE: Final = ("difficulty_schedule", "make_sample", "perturb", "prepare_clip", "reward")

#: What `NAME` asks for.
NAME_IN_WORDS: Final = "must be lower-case letters, digits and underscores, a letter first"

#: What every plugin has besides its hooks, and how to say it.
_ATTRIBUTES: Final = {
    "Config": "add a Pydantic model of its settings, with extra='forbid'",
    "summary": "add a line on what it does",
    "version": "add '1', to be raised whenever it makes other samples",
}

_KINDS_IN_WORDS: Final = (
    "a task implements make_sample and reward, a perturbation perturb, a modifier make_modifier"
)


class Vetted(NamedTuple):
    """What a plugin turned out to be, and what is wrong with it, if anything is."""

    kind: Kind
    hooks: tuple[str, ...]
    problem: str = ""


class _Implementation(NamedTuple):
    hook: str
    method: Any
    options: Any


def plugin_manager() -> pluggy.PluginManager:
    """A pluggy manager that knows our hooks."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def specified() -> dict[str, tuple[str, ...]]:
    """Every hook with its arguments, in order."""
    marked = {n: f for n, f in vars(hookspecs).items() if hasattr(f, f"{PROJECT}_spec")}
    return {name: tuple(inspect.signature(spec).parameters) for name, spec in marked.items()}


def vet(plugin: object, name: str) -> Vetted:
    """Say what kind of plugin an object is, and the first thing that is wrong with it."""
    if not NAME.fullmatch(name):
        problem = f"the name {name!r} cannot be written in a configuration; {NAME_IN_WORDS}"
        return Vetted("unknown", (), problem)
    unusable = _a_class(plugin) or _too_new(plugin)
    if unusable:
        return Vetted("unknown", (), unusable)
    found = list(_implementations(plugin))
    hooks = frozenset(implementation.hook for implementation in found)
    kind: Kind = next((kind for kind, needed in KINDS.items() if needed <= hooks), "unknown")
    problem = (
        misfit(plugin) or _unfit(plugin, kind, hooks) or next(filter(None, map(_wraps, found)), "")
    )
    return Vetted(kind, tuple(sorted(hooks & specified().keys())), problem)


def misfit(plugin: object) -> str:
    """The first hook of a plugin that is none of ours, or has another signature; or nothing."""
    return next(filter(None, map(_misfit, _implementations(plugin))), "")


def vet_wrappers(wrappers: object) -> str:
    """What is wrong with the object that a modifier made, or nothing."""
    found = list(_implementations(wrappers))
    if not found:
        listed = ", ".join(WRAPPABLE)
        return f"made {wrappers!r}, which wraps no hook; must have wrappers of any of {listed}"
    for one in found:
        if one.hook in specified() and one.hook not in WRAPPABLE:
            return f"hook {one.hook!r} cannot be wrapped; can be: {', '.join(WRAPPABLE)}"
        if not one.options["wrapper"]:
            right = "mark it @hookimpl(wrapper=True), or it would answer in a task's place"
            return _misfit(one) or f"hook {one.hook!r} is no wrapper; {right}"
        if problem := _misfit(one):
            return problem
        if not inspect.isgeneratorfunction(one.method):
            return f"hook {one.hook!r} has no `yield`, where the wrapped hook is called"
    return ""


def _a_class(plugin: object) -> str:
    if not isinstance(plugin, type):
        return ""
    return f"is the class {plugin.__name__}; the entry point must name an instance of it"


def _too_new(plugin: object) -> str:
    version = getattr(plugin, "hook_api", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        return f"its hook_api is {version!r}; must be the version of the hook API, a whole number"
    here = _hooks.API_VERSION
    if version > here:
        right = install_command("-U", "videossr-core")
        return (
            f"was written for hook API {version}; this videossr-core has hook API {here}; {right}"
        )
    return ""


def _implementations(plugin: object) -> Iterator[_Implementation]:
    manager = pluggy.PluginManager(PROJECT)
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            hook = options["specname"] or name
            if options["optionalhook"] and hook not in specified():
                continue  # of another version of the hook API
            yield _Implementation(hook, getattr(plugin, name), options)


def _misfit(one: _Implementation) -> str:
    """How an implementation differs from its specification."""
    specs = specified()
    if one.hook not in specs:
        right = did_you_mean(one.hook, specs) or f"hooks are {', '.join(sorted(specs))}"
        return f"no hook is called {one.hook!r}; {right}"
    expected = specs[one.hook]
    parameters = inspect.signature(one.method).parameters.values()
    # pluggy passes neither an argument with a default nor one by keyword alone, and does not say so
    unpassed = [p.name for p in parameters if p.default is not p.empty]
    odd = [p for p in parameters if p.kind is not p.POSITIONAL_OR_KEYWORD]
    unknown = [p.name for p in parameters if p.name not in expected and p not in odd]
    if not (unpassed or odd or unknown):
        return ""
    if unknown:
        why = f"{_listed(unknown)} is none of its arguments"
    elif odd:
        why = f"{', '.join(map(str, odd))} would never be passed"
    else:
        why = f"{_listed(unpassed)} has a default and would never be passed"
    shown = ", ".join(map(str, (p.replace(annotation=p.empty) for p in parameters)))
    return (
        f"hook {one.hook!r}: found {one.hook}({shown}); "
        f"expected {one.hook}({', '.join(expected)}) or fewer of these: {why}"
    )


def _wraps(one: _Implementation) -> str:
    if one.options["wrapper"] or one.options["hookwrapper"]:
        return (
            f"hook {one.hook!r} is a wrapper, which would act on every plugin; "
            "only what a modifier's make_modifier returns may wrap"
        )
    return ""


def _unfit(plugin: object, kind: Kind, hooks: frozenset[str]) -> str:
    """What a plugin lacks, or has too much of."""
    from pydantic import BaseModel  # noqa: PLC0415 - importing this module stays light

    missing = [needed for needed in _ATTRIBUTES if not hasattr(plugin, needed)]
    if missing:
        lacking = f"has no attribute {' and no attribute '.join(map(repr, missing))}"
        return f"{lacking}; {' and '.join(_ATTRIBUTES[name] for name in missing)}"
    if kind == "unknown":
        unmarked = sorted(name for name in {*specified()} - hooks if hasattr(plugin, name))
        mark = f"; {_listed(unmarked)} lacks the mark @hookimpl" if unmarked else ""
        return f"implements {', '.join(sorted(hooks)) or 'no hook'}{mark}; {_KINDS_IN_WORDS}"
    foreign = sorted(hooks - KINDS[kind] - OPTIONAL.get(kind, frozenset()))
    if "prepare_clip" in foreign:
        right = "only what a modifier's make_modifier returns may wrap it"
        return f"is a {kind} and implements 'prepare_clip', which no plugin does; {right}"
    if foreign:
        return f"is a {kind} and implements {_listed(foreign)} too; make it a plugin of its own"
    config = plugin.Config  # type: ignore[attr-defined] # it has one
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        return f"its Config is {config!r}; must be a Pydantic model"
    return _misnamed(config, kind)


def _misnamed(config: type[BaseModel], kind: Kind) -> str:
    """The fields of a plugin's settings that would not be read under the names that they have."""
    # A run is repeated from its settings as they are written out, under the names of the fields.
    renamed = list(_aliased(config, frozenset()))
    if renamed:
        right = "name the field as it is written in YAML"
        return f"its Config gives the field {_listed(renamed)} an alias; {right}"
    unordered = list(_unordered(config, frozenset()))
    if unordered:
        right = "use a tuple, or each process would write the settings in another order"
        return f"its Config has a set in {_listed(unordered)}; {right}"
    taken = RESERVED[kind] & config.model_fields.keys()
    if taken:
        return (
            f"its Config has a field {' and '.join(map(repr, sorted(taken)))}, which the core reads "
            f"of every {kind}'s entry; give the field another name"
        )
    return ""


def _aliased(schema: type[BaseModel], around: frozenset[type]) -> Iterator[str]:
    """The fields with an alias, those of models inside it too."""
    for name, field in schema.model_fields.items():
        if field.alias or field.validation_alias or field.serialization_alias:
            yield name
        for inner in _models(field.annotation) - around - {schema}:
            yield from (f"{name}.{below}" for below in _aliased(inner, around | {schema}))


def _unordered(schema: type[BaseModel], around: frozenset[type]) -> Iterator[str]:
    """The fields that hold sets, those of models inside it too."""
    for name, field in schema.model_fields.items():
        if _has_set(field.annotation):
            yield name
        for inner in _models(field.annotation) - around - {schema}:
            yield from (f"{name}.{below}" for below in _unordered(inner, around | {schema}))


def _has_set(annotation: object) -> bool:
    """Whether a type is a set, or made of one."""
    origin = get_origin(annotation) or annotation
    if isinstance(origin, type) and issubclass(origin, AbstractSet):
        return True
    return any(map(_has_set, get_args(annotation)))


def _models(annotation: object) -> set[type[BaseModel]]:
    """The models that a type is made of."""
    from pydantic import BaseModel  # noqa: PLC0415 - importing this module stays light

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for part in get_args(annotation) for model in _models(part)}


def _listed(names: Iterable[str]) -> str:
    return " and ".join(map(repr, names))
