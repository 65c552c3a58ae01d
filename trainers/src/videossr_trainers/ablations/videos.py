"""The videos that ablations are run on: a table, a folder, or some that are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videossr.atomic import making
from videossr.procedural import write_videos
from videossr.scan import scan
from videossr.seeds import derive_seed
from videossr.threads import core_count
from videossr.video_table import is_table, write_table
from videossr_trainers.ablations.processes import held

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.ablations.processes import Tell

_DRAWN: Final = 240
_SECONDS: Final = 8.0
_FPS: Final = 8.0
_SIDE: Final = 96


def table_of(videos: Path | None, output: Path, tell: Tell, *, drawn: int = _DRAWN) -> Path:
    """The table of the videos; a folder is scanned for it, and without one there are videos drawn by code.

    Args:
        videos: a table, a folder, or None.
        output: where the table and the drawn videos lie.
        tell: told of what is begun.
        drawn: how many are drawn.
    """
    if videos is not None and is_table(videos):
        return videos.absolute()
    table = output / "videos.parquet"
    with held(output / ".videos.lock", lambda: tell("waiting for the videos")):
        if videos is None:
            videos = output / "videos"
            if not videos.exists():
                tell(f"no videos are given: drawing {drawn}")
                _draw(videos, drawn)
        if table.exists() and videos == output / "videos":
            return table.absolute()
        tell(f"scanning {videos}")
        rows = scan(videos, workers=core_count())
        write_table(rows, table, videos.resolve())
    return table.absolute()


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
