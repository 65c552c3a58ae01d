"""Blind floors that were measured before, kept between runs.

A floor depends on code, so the key has a hash of all code of the core and of the packages that the plugins
come from, and the versions of torch and NumPy. What else a package imports is taken to change with its
version. Floors of loose files, which may import anything, and of plugins that are in no file at all are
measured every time.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
import xxhash

from videossr.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

    from videossr.config import RunConfig
    from videossr.origin import Origin

#: The folder of the cache, in place of the user's own.
_VARIABLE: Final = "VIDEOSSR_CACHE"


def cached(
    config: RunConfig,
    task: str,
    timelines: Sequence[tuple[Tensor, float]],
    size: tuple[int, int],
    draws: int,
    measure: Callable[[], float],
) -> float:
    """A floor as it was measured before, or as it is measured now.

    Args:
        config: of the run.
        task: the name of its entry in the configuration.
        timelines: times in seconds, each with its difficulty.
        size: height and width of the frames.
        draws: questions for each of them.
        measure: what to call if it was not measured before.
    """
    code = code_of(config.plugins.values())
    if code is None:
        return measure()
    tree = config.tree()
    entry = {k: v for k, v in tree["tasks"][task].items() if k not in ("weight", "difficulty")}
    determining = [
        code,
        config.provenance,
        [version(name) for name in ("torch", "numpy")],
        config.seed,
        config.tasks[task].task.name,
        entry,
        [[one.name, one.config.model_dump(mode="json")] for one in config.around(task)],
        size,
        [[times.tolist(), difficulty] for times, difficulty in timelines],
        draws,
    ]
    key = xxhash.xxh3_128_hexdigest(json.dumps(determining).encode())
    path = cache_folder() / "floors" / key
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        floor = measure()
    _keep(path, floor)
    return floor


def cache_folder() -> Path:
    """Where this project keeps what it can compute again: `$VIDEOSSR_CACHE`, or the user's cache folder."""
    chosen = os.environ.get(_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("videossr"))


def _keep(path: Path, floor: float) -> None:
    with suppress(OSError):  # a cache that cannot be written costs time and nothing else
        write_text(path, repr(floor), durable=False)


def code_of(origins: Iterable[Origin]) -> str | None:
    """A hash of the code of the core and of some plugins; None where some is not cached."""
    folders = [Path(__file__).parent]
    for origin in origins:
        folder = _folder(origin)
        if folder is None:
            return None
        folders.append(folder)
    return xxhash.xxh3_128_hexdigest("".join(map(_hash, sorted(set(folders)))).encode())


def _folder(origin: Origin) -> Path | None:
    """The folder of a plugin's top-level package, or its only file; None of one that is not cached."""
    module = origin.module.partition(":")[0]
    if origin.loose:
        return None
    top = sys.modules.get(module.partition(".")[0])
    file = getattr(top, "__file__", None)
    if file is None:
        return None
    return Path(file).parent if Path(file).name == "__init__.py" else Path(file)


@lru_cache(maxsize=64)
def _hash(code: Path) -> str:
    hasher = xxhash.xxh3_128()
    for file in sorted(code.rglob("*.py")) if code.is_dir() else [code]:
        hasher.update(file.read_bytes())
    return hasher.hexdigest()
