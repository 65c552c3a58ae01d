"""Finding plugins without importing any: entry points of installed packages, and loose files."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_loader
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import ConfigError, Mistake
from videossr.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

GROUP: Final = "videossr"

#: What a plugin may be called: names are keys in YAML, parts of seeds, and file names.
NAME: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found and not imported.

    Attributes:
        origin: all that is known without importing it.
        load: imports the plugin object; raises whatever its module raises.
    """

    origin: Origin
    load: Callable[[], Any]


def installed() -> list[Candidate]:
    """The plugins of the installed packages."""
    return from_points(entry_points(group=GROUP))


def from_points(points: Iterable[EntryPoint]) -> list[Candidate]:
    """The plugins behind entry points."""
    return [Candidate(origin_of(point), point.load) for point in points]


def origin_of(point: EntryPoint) -> Origin:
    """What an entry point says of itself."""
    dist = point.dist
    return Origin(
        point.name, dist.name if dist else "unknown", dist.version if dist else "", point.value
    )


def loose_files(folder: Path) -> list[Candidate]:
    """The plugins in a folder of Python files: each file is one, called by its stem.

    Its module names the plugin object `plugin`. Files whose name starts with an underscore or a dot are
    left alone, and so is what is no file. A link is called by its own name, and one that leads nowhere
    is a plugin that cannot be loaded. Nothing is written to the folder, compiled modules included.

    Raises:
        ConfigError: there is no such folder.
    """
    if not folder.is_dir():
        right = "give a folder of Python files, each with a plugin called `plugin`"
        raise ConfigError(Mistake(str(folder), "is no folder of plugins", right))
    named = sorted(path for path in folder.resolve().glob("*.py") if path.stem[0] not in "_.")
    return [_loose(path) for path in named if path.is_file() or _leads_nowhere(path)]


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _loose(path: Path) -> Candidate:
    unread: OSError | None = None
    try:
        version = f"sha256 {sha256(path.read_bytes()).hexdigest()[:12]}"
    except OSError as error:
        unread, version = error, ""
    origin = Origin(path.stem, str(path), version, f"{path}:plugin")

    def load() -> Any:  # noqa: ANN401 - whatever the file names so
        if unread:
            raise unread
        name = f"videossr_loose_{sha256(str(path).encode()).hexdigest()[:12]}"
        loader = _ReadOnlyLoader(name, str(path))
        spec = spec_from_loader(name, loader)
        assert spec  # noqa: S101 - for the type checker
        module = module_from_spec(spec)
        sys.modules[name] = module  # where Pydantic looks up the names in annotations
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        if not hasattr(module, "plugin"):
            raise AttributeError("the file has no attribute 'plugin'; add `plugin = MyPlugin()`")
        return module.plugin

    return Candidate(origin, load)


class _ReadOnlyLoader(SourceFileLoader):
    """Leaves no compiled module behind, since the folder is the user's."""

    def set_data(self, *_: object, **__: object) -> None:
        """Write nothing."""
