"""Videos that show the same footage: copies in another codec, at another rate, on their side, and excerpts.

A split by content knows the bytes of a file, so that a copy of what was learnt may be among what is asked.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from videossr.video_table import read_table, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


#: Pixels of a side of the grey pictures that are compared, every so many frames, no more than so many frames.
_SIDE: Final = 16
_EVERY: Final = 5
_MOST: Final = 1500

#: Quarter turns by which a copy may be rotated.
_TURNS: Final = (0, 1, 3)

#: Correlation of the pictures that two videos have in common, from which on they are taken for one.
_ALIKE: Final = 0.81

#: Grey levels that are added to a picture's spread, so that noise in a black one counts for nothing.
_NOISE: Final = 3


def without_twins(table: Path, to: Path) -> dict[str, str]:
    """Write a table of videos without those that show what another one shows.

    Of videos that are alike the one with most frames is kept. Others are looked for in the first minute,
    so a longer video's later part may be missed; and some that differ may be taken for the same.

    Returns:
        The paths that are left out, each with that of the video that it was taken for.
    """
    rows, root = read_table(table)
    usable = sorted((row for row in rows if row.state == "ok"), key=lambda row: -(row.frames or 0))
    pictures = {row.path: _pictures(root / row.path) for row in usable}
    twins: dict[str, str] = {}
    for kept, other in combinations(usable, 2):
        if {kept.path, other.path} & twins.keys():
            continue
        if _likeness(pictures[other.path], pictures[kept.path]) > _ALIKE:
            twins[other.path] = kept.path
    write_table([row for row in rows if row.path not in twins], to, root)
    return twins


def _pictures(path: Path) -> NDArray[np.float32]:
    """Grey pictures, each of mean 0 and length 1 or less, [pictures, side, side]."""
    found = []
    with av.open(str(path)) as file:
        for number, frame in enumerate(file.decode(video=0)):
            if number >= _MOST:
                break
            if number % _EVERY == 0:
                small = frame.reformat(_SIDE, _SIDE, "gray").to_ndarray()
                found.append(small[:, :_SIDE].astype(np.float32))
    grey = np.stack(found)
    axes = (1, 2)
    grey -= grey.mean(axes, keepdims=True)
    return grey / (_SIDE * (grey.std(axes, keepdims=True) + _NOISE))


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How like pictures of one video are to those of another that are most like them, in the better half."""
    return max(_of_turned(one, np.rot90(other, turns, (1, 2))) for turns in _TURNS)


def _of_turned(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    best = np.sort((one.reshape(len(one), -1) @ other.reshape(len(other), -1).T).max(1))
    return float(best[len(best) // 2 :].mean())
