"""The videos that ablations are run on: a table, a folder, or some that are drawn."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Self

import xxhash

from videossr.atomic import making, write_bytes
from videossr.engine import Local
from videossr.locks import held
from videossr.procedural import write_videos
from videossr.scan import scan_to_table
from videossr.seeds import derive_seed
from videossr.threads import core_count
from videossr.video_table import is_table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from videossr.video_table import VideoRow
    from videossr_trainers.ablations.processes import Tell

_DRAWN: Final = 240
_SECONDS: Final = 8.0
_FPS: Final = 8.0
_SIDE: Final = 96

#: Columns of a table that say when and how a file was looked at, and nothing of what is in it.
_OF_THE_FILE: Final = frozenset({"modified", "checked"})


@dataclass(frozen=True, slots=True)
class Videos:
    """The videos of runs.

    Attributes:
        table: where they are listed.
        root: the folder that the table's paths start from.
        content: a hash of all that questions about them depend on. Where they lie, and when they were
            last written, is not of that.
    """

    table: Path
    root: Path
    content: str

    @classmethod
    def read(cls, table: Path) -> Self:
        """Those of a table.

        Raises:
            DatasetError: it is none, or damaged.
        """
        rows, root = read_table(table)
        return cls(table, root, _content(rows))


def table_of(videos: Path | None, output: Path, tell: Tell, *, drawn: int = _DRAWN) -> Path:
    """The table of the videos; a folder is scanned for it, and without one there are videos drawn by code.

    It is kept under a hash of what is in it, so that a command that is given others later changes nothing
    below one that is still at work.

    Args:
        videos: a table, a folder, or None.
        output: where the tables and the drawn videos lie.
        tell: told of what is begun.
        drawn: how many are drawn.

    Raises:
        ConfigError: there are no videos.
        DatasetError: the table cannot be read.
    """
    if videos is not None and is_table(videos):
        return _kept(videos, output)
    with held(output / ".videos.lock", lambda: tell("waiting for the videos")):
        if videos is None:
            videos = output / "videos"
            if not videos.exists():
                tell(f"no videos are given: drawing {drawn}")
                _draw(videos, drawn)
        tell(f"scanning {videos}")
        # One for each source, so that what has not changed since is not looked at again.
        name = xxhash.xxh3_64_hexdigest(os.fsencode(videos.resolve()))
        scanned = output / "scans" / f"{name}.parquet"
        scan_to_table(videos, scanned, engine=Local(core_count()))
        return _kept(scanned, output)


def _kept(table: Path, output: Path) -> Path:
    """A table's copy under the hash of its bytes."""
    data = table.read_bytes()
    place = output / "tables" / f"{xxhash.xxh3_64_hexdigest(data)}.parquet"
    if not place.exists():
        write_bytes(place, data)
    return place.absolute()


def _content(rows: Iterable[VideoRow]) -> str:
    known = [
        {name: value for name, value in asdict(row).items() if name not in _OF_THE_FILE}
        for row in rows
        if row.state == "ok"
    ]
    return xxhash.xxh3_64_hexdigest(json.dumps(known, sort_keys=True).encode())


def _draw(folder: Path, count: int) -> None:
    with making(folder) as unfinished:
        write_videos(
            unfinished,
            count,
            seed=derive_seed("videos for ablations"),
            seconds=_SECONDS,
            fps=_FPS,
            height=_SIDE,
            width=_SIDE,
            workers=core_count(),
        )
