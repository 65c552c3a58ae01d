"""Reading a configuration: a preset or file, what it extends, and overrides on top."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from videossr.config.presets import presets
from videossr.config.resolve import RunConfig, resolve
from videossr.errors import ConfigError, Mistake
from videossr.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence


def load_config(
    source: str | Path, overrides: Sequence[str] = (), *, registry: Registry | None = None
) -> RunConfig:
    """Read and check a run configuration.

    Args:
        source: the name of a preset, or a YAML file. Its `extends` names one or several others that
            it lies over, by preset name or by path from the file's own folder.
        overrides: `key=value`, dots between keys, applied last.
        registry: the plugins to choose from; by default those installed.

    Raises:
        ConfigError: with every mistake there is.
    """
    return resolve(read_tree(source, overrides), registry or Registry())


def read_tree(source: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The merged tree, interpolations resolved, not yet checked against any schema."""
    layers = _layers(str(source), Path(), trail=())
    try:
        merged = OmegaConf.merge(*layers, _from_overrides(overrides))
        tree = OmegaConf.to_container(merged, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(Mistake(str(source), str(error).splitlines()[0])) from error
    if not isinstance(tree, dict):  # pragma: no cover - every layer is a mapping
        raise ConfigError(Mistake(str(source), "is no mapping of keys to values"))
    return {str(key): value for key, value in tree.items()}


def _layers(source: str, folder: Path, trail: tuple[Path, ...]) -> list[DictConfig]:
    """A file and all that it extends, the most general first."""
    path = _find(source, folder)
    if path in trail:
        chain = " -> ".join(str(step) for step in (*trail, path))
        raise ConfigError(Mistake("extends", f"runs in a circle: {chain}"))
    try:
        tree = OmegaConf.load(path)
    except (YAMLError, UnicodeDecodeError, OmegaConfBaseException, OSError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(Mistake(str(path), f"cannot be read as YAML: {problem}")) from error
    if not isinstance(tree, DictConfig):
        right = "write sections such as `video:` and `tasks:`"
        raise ConfigError(Mistake(str(path), "is no mapping of keys to values", right))
    bases = tree.pop("extends", None) or []
    layers = []
    for base in [bases] if isinstance(bases, str) else bases:
        layers += _layers(str(base), path.parent, (*trail, path))
    return [*layers, tree]


def _find(source: str, folder: Path) -> Path:
    known = presets()
    if source in known:
        return known[source]
    path = folder / source
    if path.is_file():
        return path.resolve()
    right = f"give a YAML file, or one of the presets: {', '.join(known) or 'none installed'}"
    raise ConfigError(Mistake(source, "is neither a preset nor a file", right))


def _from_overrides(overrides: Sequence[str]) -> DictConfig:
    wrong = [text for text in overrides if not text.partition("=")[0].strip() or "=" not in text]
    if wrong:
        right = "write key=value, for instance tasks.jigsaw.enabled=false"
        raise ConfigError([Mistake(text, "is no override", right) for text in wrong])
    tree = OmegaConf.create()
    for text in overrides:
        key, _, value = text.partition("=")
        try:
            parsed = _yaml(value)
            OmegaConf.update(tree, key.strip(), parsed["value"], force_add=True)
        except (YAMLError, OmegaConfBaseException) as error:
            problem = " ".join(str(error).split())
            raise ConfigError(Mistake(text, f"cannot be read: {problem}")) from error
    return tree


def _yaml(value: str) -> DictConfig:
    parsed = OmegaConf.create(f"value: {value}")
    assert isinstance(parsed, DictConfig)  # noqa: S101 - for the type checker
    return parsed
