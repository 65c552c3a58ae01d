"""The videos of a list: which are there, which can be read, and the frames that a model is shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from videossr.clips import Clips, Excerpt
from videossr.engine import Local
from videossr.errors import ConfigError, Mistake, VideoError
from videossr.scan import SUFFIXES, scan_to_table
from videossr.video.container import open_video
from videossr.video_table import VideoRow, is_table
from videossr.windows import window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from videossr.clip import Clip
    from videossr.config import VideoConfig

#: Frames that a model is shown of the shortest video that has as many.
_FEWEST: Final = 4


@dataclass(frozen=True, slots=True)
class Absent:
    """A video that cannot be shown.

    Attributes:
        missing: whether there is no such file; otherwise it cannot be read.
        reason: why, in words.
    """

    missing: bool
    reason: str


def look_at(
    names: Iterable[str],
    root: Path,
    table: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, VideoRow | Absent]:
    """What is there of the videos of a list, by name.

    Args:
        names: as the list has them; a suffix may be left out.
        root: the folder that the names start from. Only ever read.
        table: where what was seen of each file is kept; a later run does not look again.
        workers: files looked at side by side.
        progress: called with files done and files in all.

    Raises:
        ConfigError: the folder is not there, or none of the videos is in it.
    """
    if not root.is_dir():
        problem = "no such folder of videos"
        raise ConfigError(Mistake(str(root), problem, "give it by --videos"))
    top = root.absolute()
    found: dict[str, Path | Absent] = {name: _found(name, top) for name in dict.fromkeys(names)}
    files = sorted({file for file in found.values() if not isinstance(file, Absent)})
    if not files:
        example = next(iter(found))
        problem = f"none of the {len(found)} videos is here, such as {example!r}"
        raise ConfigError(Mistake(str(root), problem, "give their folder by --videos"))
    rows = scan_to_table(
        files, table, root=top, check="ends", engine=Local(workers), progress=progress
    )
    by_path = {row.path: row for row in rows}
    return {
        name: file
        if isinstance(file, Absent)
        else _usable(by_path[file.relative_to(top).as_posix()])
        for name, file in found.items()
    }


class Videos:
    """The videos of a list. Threads may share one.

    Args:
        seen: what is there, as `look_at` found it.
        root: the folder that the names start from. Only ever read.
        config: how frames are taken and at what size.
    """

    def __init__(
        self, seen: Mapping[str, VideoRow | Absent], root: Path, config: VideoConfig
    ) -> None:
        self._seen = seen
        self._root, self._config = root.absolute(), config
        self._clips = Clips(config, self._root)

    def absent(self, name: str) -> Absent | None:
        """Why a video cannot be shown; None where it can, as far as was seen."""
        seen = self._seen[name]
        return seen if isinstance(seen, Absent) else None

    def content(self, name: str) -> str:
        """What is the same for files of the same content: a hash, or the name of what was not read."""
        seen = self._seen.get(name)
        return seen.hash if isinstance(seen, VideoRow) else name

    def seconds(self, name: str) -> float:
        """The length of a video that can be shown."""
        return self._row(name).duration

    def over(self, name: str) -> float:
        """When a video is over at the latest, in seconds on the clock that a player shows."""
        row = self._row(name)
        return row.duration + max(0.0, row.first)  # where its first frame comes late, players wait

    def clip(self, name: str) -> Clip:
        """The frames that a model is shown, on the clock that a player shows: zero where the file begins.

        Raises:
            VideoError: the video turns out not to be readable.
        """
        row = self._row(name)
        window = window_of(row, self._config, 0, "", 0)
        if window.frames < _FEWEST:  # of a video this short, all of it
            window = window._replace(stop=row.last, frames=_FEWEST)
        excerpt = Excerpt(row.path, row.hash, window.start, window.stop, window.frames)
        clip = self._clips.get(excerpt)
        begins = min(_begins(row.below(self._root)), row.first)
        return replace(clip, times=clip.times - begins) if begins else clip

    def _row(self, name: str) -> VideoRow:
        seen = self._seen[name]
        if isinstance(seen, Absent):
            raise VideoError(name, "absent", seen.reason)
        return seen


def _found(name: str, root: Path) -> Path | Absent:
    """The file of a name, below the root, or why there is none."""
    path = root / name  # an absolute name stands for itself
    if "\0" in name or not _below(path, root):
        return Absent(missing=True, reason=f"no name of a file below {root}")
    try:
        if not path.exists():
            path = next((p for s in sorted(SUFFIXES) if (p := root / f"{name}{s}").exists()), path)
        if not path.exists():
            return Absent(missing=True, reason="no such file")
        # A scan would take some of these for a list of files.
        if path.is_file() and path.suffix != ".txt" and not is_table(path):
            return path
    except OSError as error:
        return Absent(missing=False, reason=error.strerror or str(error))
    return Absent(missing=False, reason="is no video file")


def _below(path: Path, root: Path) -> bool:
    """Whether a path stays below a folder, by its words; links may lead where they will."""
    return os.path.commonpath([os.path.normpath(path), root]) == str(root)


def _usable(row: VideoRow) -> VideoRow | Absent:
    return row if row.state == "ok" else Absent(missing=False, reason=row.detail)


def _begins(path: Path) -> float:
    """When a file begins, in seconds on its own clock: players count from there."""
    with open_video(path) as (container, _):
        start = container.start_time
    return max(0.0, start / 1_000_000) if start else 0.0
