"""Which files a scan looks at."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from videossr.errors import ConfigError, Mistake
from videossr.video_table import is_table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What a file in a folder has to end with to be looked at, in any case.
SUFFIXES: Final = frozenset(
    {
        *(".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov"),
        *(".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    }
)


class Found(NamedTuple):
    """A file to look at, or what went wrong while looking for files."""

    path: Path
    trouble: str = ""


def find(sources: Sequence[Path | str], root: Path | None = None) -> tuple[list[Found], Path]:
    """The files of all sources, each once, and the folder that their paths are to start from.

    A source is a folder, searched to the bottom for `SUFFIXES`; a pattern, such as `clips/**/*.mp4`; a
    text file (`.txt`) with a path on each line; an earlier table, whose files are looked at again; or
    any other file, whatever its suffix. Hidden files and folders are skipped; links are followed, each
    folder once.

    Args:
        sources: at least one.
        root: by default that of the only source, be it a folder or a table; or else the deepest folder
            that holds every source.

    Returns:
        Files with absolute paths, in a fixed order; and the root, absolute.

    Raises:
        ConfigError: a source that is not there or holds no video, or a file outside of the root.
    """
    mistakes: list[Mistake] = []
    found: dict[Path, Found] = {}
    tops: list[Path] = []
    for source in sources:
        try:
            files, top = _of_source(source)
        except ConfigError as error:
            mistakes += error.mistakes
            continue
        tops.append(top)
        found |= {file.path: file for file in files}
    if not sources:
        mistakes.append(Mistake("videos", "nothing to scan", "name a folder, a file or a list"))
    if mistakes:
        raise ConfigError(mistakes)
    top = Path(os.path.commonpath(tops)) if root is None else Path(root).absolute()
    outside = next((path for path in found if not _below(path, top)), None)
    if outside is not None:
        raise ConfigError(Mistake("root", f"{outside} is not below {top}", "choose one that is"))
    return list(found.values()), top


def _below(path: Path, top: Path) -> bool:
    """Whether a path stays below a folder, by its words; links may lead where they will."""
    return path.is_relative_to(top) and ".." not in path.relative_to(top).parts


def _of_source(source: Path | str) -> tuple[list[Found], Path]:
    """The files of one source, and the folder that they are below."""
    path = Path(source).absolute()
    if path.is_dir():
        found = list(_search(path))
        if not found:
            raise ConfigError(
                Mistake(
                    str(source),
                    "no video file in this folder or below it",
                    f"looked for {', '.join(sorted(SUFFIXES))} outside of hidden folders",
                )
            )
        return found, path
    if is_table(path):
        rows, top = read_table(path)
        return [Found(row.below(top)) for row in rows], top
    if path.is_file() and path.suffix == ".txt":
        return _of_list(path)
    if path.exists() or path.is_symlink():
        return [Found(path)], path.parent
    if glob.has_magic(str(source)):
        return _of_pattern(str(path))
    raise ConfigError(Mistake(str(source), "no such file or folder"))


def _search(top: Path) -> Iterator[Found]:
    """Video files below a folder, and the folders that cannot be listed, in a fixed order."""
    seen: set[tuple[int, int]] = set()
    failed: list[OSError] = []
    for folder, below, files in os.walk(top, followlinks=True, onerror=failed.append):
        # Links may lead back up, or to the same folder twice.
        status = os.stat(folder)  # noqa: PTH116 - os.walk gives text
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Found(Path(folder, name))
    for error in failed:
        yield Found(Path(error.filename), f"the folder cannot be listed ({error.strerror})")


def _of_list(path: Path) -> tuple[list[Found], Path]:
    # Names of files are bytes: what is no UTF-8 has to survive.
    lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    named = [line.strip() for line in lines]
    files = [path.parent / line for line in named if line and not line.startswith("#")]
    if not files:
        raise ConfigError(Mistake(str(path), "an empty list", "write the path of a video a line"))
    files = [Path(os.path.normpath(file)) for file in files]
    return [Found(file) for file in files], Path(os.path.commonpath([f.parent for f in files]))


def _of_pattern(pattern: str) -> tuple[list[Found], Path]:
    matches = sorted(map(Path, glob.iglob(pattern, recursive=True)))  # noqa: PTH207 - absolute
    files = [Found(match) for match in matches if not match.is_dir()]
    if not files:
        raise ConfigError(Mistake(pattern, "no file matches", 'such as "clips/**/*.mp4"'))
    plain = Path(pattern)
    while glob.has_magic(str(plain)):
        plain = plain.parent
    return files, plain
