"""Reading a configuration: a preset or file, what it extends, and overrides on top."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from videossr.config.bounds import ENDLESS, check_file, check_references
from videossr.config.presets import presets
from videossr.config.resolve import registry_for, resolve
from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videossr.config.run_config import RunConfig
    from videossr.registry import Registry

#: Keys whose value is no mapping.
_VALUES: Final = frozenset({"extends", "seed", "requires"})


def load_config(
    source: str | Path | Sequence[str | Path],
    overrides: Sequence[str] = (),
    *,
    registry: Registry | None = None,
    folders: Sequence[Path] = (),
    allow: Sequence[str] | None = None,
) -> RunConfig:
    """Read and check a run configuration.

    Args:
        source: the name of a preset, or a YAML file. Its `extends` names one or several others that
            it lies over, by preset name or by path from the file's own folder. Several sources lie each
            over those before it.
        overrides: `key=value`, dots between keys, applied last.
        registry: the plugins to choose from; by default those that are installed and those that the
            configuration's `plugins` adds.
        folders: of loose plugins. Those that the configuration names run if they are among these, or
            below one in the environment variable VIDEOSSR_PLUGINS_TRUST.
        allow: the allow-list, in the place of the configuration's.

    Raises:
        ConfigError: with every mistake there is.
    """
    tree = with_plugins(read_tree(source, overrides), folders=folders, allow=allow)
    return resolve(tree, registry or registry_for(tree, named=folders))


def with_plugins(
    tree: dict[str, Any], *, folders: Sequence[Path] = (), allow: Sequence[str] | None = None
) -> dict[str, Any]:
    """A tree in which the command line has had its say on which plugins there are."""
    plugins = tree.get("plugins") or {}
    if not isinstance(plugins, dict) or not (folders or allow is not None):
        return tree
    named = plugins.get("folders") or []
    if not isinstance(named, list | tuple):
        return tree  # the schema says what is wrong with it
    changed: dict[str, Any] = {"folders": [*named, *map(str, folders)]} if folders else {}
    if allow is not None:
        changed["allow"] = list(allow)
    return {**tree, "plugins": {**plugins, **changed}}


def read_tree(
    source: str | Path | Sequence[str | Path], overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """The merged tree, interpolations resolved, not yet checked against any schema.

    Raises:
        ConfigError: something cannot be read, or laid over what it lies over.
    """
    merged = OmegaConf.create()
    sources = [str(one) for one in ([source] if isinstance(source, str | Path) else source)]
    for one in sources:
        for path, layer in _layers(_find(one, Path(), one), trail=()):
            _make_way(merged, _plain(layer))
            try:
                merged.merge_with(layer)
            except (OmegaConfBaseException, TypeError) as error:
                clash = next(_clashes(_plain(merged), _plain(layer)), None)
                where = f"{path}: {clash}" if clash else str(path)
                problem = f"does not fit over what it extends: {_first_line(error)}"
                right = "write a mapping, `name: {}`, where that has one" if clash else ""
                raise ConfigError(Mistake(where, problem, right)) from error
    _apply(overrides, merged)
    check_references(", ".join(sources), _plain(merged))
    try:
        tree = _plain(merged, resolve=True)
    except OmegaConfBaseException as error:
        where = f"{', '.join(sources)}: {error.full_key}"
        raise ConfigError(Mistake(where, _first_line(error))) from error
    except RecursionError as error:
        raise ConfigError(Mistake(", ".join(sources), ENDLESS)) from error
    return tree


def _make_way(under: DictConfig, over: dict[str, Any]) -> None:
    """Empty the schedules that others are laid over of another kind, which have not their settings."""
    tasks, there = over.get("tasks"), _plain(under).get("tasks")
    if not isinstance(tasks, dict) or not isinstance(there, dict):
        return
    for name in tasks.keys() & there.keys():
        old, new = (
            one[name].get("difficulty") if isinstance(one[name], dict) else None
            for one in (there, tasks)
        )
        if not (isinstance(old, dict) and isinstance(new, dict)):
            continue
        if new.get("kind", old.get("kind")) != old.get("kind"):
            under["tasks"][name]["difficulty"] = {}


def _clashes(under: object, over: object, key: str = "") -> Iterator[str]:
    """The keys at which one tree has a mapping and the other a list."""
    if isinstance(under, dict) and isinstance(over, dict):
        for name in [name for name in over if name in under]:
            yield from _clashes(under[name], over[name], f"{key}.{name}" if key else str(name))
    elif {type(under), type(over)} == {dict, list}:
        yield key


def _layers(path: Path, trail: tuple[Path, ...]) -> list[tuple[Path, DictConfig]]:
    """A file and all that it extends, the most general first."""
    if path in trail:
        chain = " -> ".join(str(step) for step in (*trail, path))
        raise ConfigError(Mistake("extends", f"runs in a circle: {chain}"))
    try:
        check_file(path)
        tree = OmegaConf.load(path)
    except (YAMLError, ValueError, RecursionError, OmegaConfBaseException, OSError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(Mistake(str(path), f"cannot be read as YAML: {problem}")) from error
    if not isinstance(tree, DictConfig):
        right = "write sections such as `video:` and `tasks:`"
        raise ConfigError(Mistake(str(path), "is no mapping of keys to values", right))
    plain = _plain(tree)
    _fill_empty(plain)
    bases = plain.pop("extends", None) or []
    bases = [bases] if isinstance(bases, str) else bases
    here = f"{path}: extends"
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        right = "name a preset or a file, or a list of them"
        raise ConfigError(Mistake(here, f"{bases!r} names no configuration", right))
    layers = []
    for base in bases:
        layers += _layers(_find(base, path.parent, f"{here}: {base}"), (*trail, path))
    _anchor_folders(plain, path.parent)
    return [*layers, (path, OmegaConf.create(plain))]


def _anchor_folders(tree: dict[str, Any], folder: Path) -> None:
    """Let the folders of plugins that a file names be seen from where the file lies.

    But not what an interpolation fills in later, which the file cannot know to be relative.
    """
    plugins = tree.get("plugins")
    folders = plugins.get("folders") if isinstance(plugins, dict) else None
    if isinstance(plugins, dict) and isinstance(folders, list):
        plugins["folders"] = [
            str(folder / f) if isinstance(f, str) and "${" not in f else f for f in folders
        ]


def _fill_empty(tree: dict[str, Any]) -> None:
    """Let a key with nothing after it mean a mapping with nothing in it, as whoever writes it means.

    YAML reads null, which laid over a preset would take away all that the preset says there.
    """
    for name in ("tasks", "modifiers"):
        entries = tree.get(name)
        if isinstance(entries, dict):
            entries |= {key: {} for key, value in entries.items() if value is None}
    tree |= {key: {} for key, value in tree.items() if value is None and key not in _VALUES}


def _find(source: str, folder: Path, where: str) -> Path:
    known = presets()
    if source in known:
        return known[source]
    path = folder / source
    with suppress(OSError):  # a name longer than any file's
        if path.is_file():
            return path.resolve()
    right = f"give a YAML file, or one of the presets: {', '.join(known) or 'none installed'}"
    raise ConfigError(Mistake(where, "is neither a preset nor a file", right))


def _apply(overrides: Sequence[str], tree: DictConfig) -> None:
    """Lay overrides over a tree, one after the other."""
    mistakes = []
    for text in overrides:
        key, equals, value = text.partition("=")
        if not key.strip() or not equals:
            right = "write key=value, for instance build.size=200"
            mistakes.append(Mistake(text, "is no override", right))
            continue
        try:
            # Not resolved yet: an interpolation refers to the whole tree.
            parsed = _plain(DictConfig(OmegaConf.create(f"value: {value}")))
            match key.strip().split("."):
                case ["tasks", name, "difficulty"]:
                    _make_way(tree, {"tasks": {name: {"difficulty": parsed["value"]}}})
            OmegaConf.update(tree, key.strip(), parsed["value"], force_add=True)
        except (YAMLError, OmegaConfBaseException, TypeError, ValueError, IndexError) as error:
            mistakes.append(Mistake(text, f"cannot be laid over the rest: {_first_line(error)}"))
    if mistakes:
        raise ConfigError(mistakes)


def _plain(tree: DictConfig, *, resolve: bool = False) -> dict[str, Any]:
    """A tree of dicts and lists; what stands for other values stays as it is written unless resolved."""
    plain = OmegaConf.to_container(tree, resolve=resolve, throw_on_missing=resolve)
    assert isinstance(plain, dict)  # noqa: S101 - for the type checker
    return {str(key): value for key, value in plain.items()}


def _first_line(error: Exception) -> str:
    """An error's message without the details that OmegaConf adds in lines of their own."""
    return next(iter(str(error).splitlines()), type(error).__name__)
