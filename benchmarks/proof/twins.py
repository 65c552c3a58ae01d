"""Videos that show the same footage: copies in another codec, at another rate, on their side, and excerpts.

A split by content knows the bytes of a file, so that a copy of what was learnt may be among what is asked.

    uv run python benchmarks/proof/twins.py videos.parquet distinct.parquet
"""

from __future__ import annotations

import argparse
from itertools import combinations, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from videossr import VideoError
from videossr.video_table import read_table, write_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Pixels of a side of the grey pictures that are compared, every so many frames, of the first so many frames.
_SIDE: Final = 16
_EVERY: Final = 5
_MOST: Final = 3000

#: Correlation of pictures, on average, from which on two videos are taken for one.
_ALIKE: Final = 0.93

#: Standard deviation, in grey levels, under which a picture is too flat to be compared.
_FLAT: Final = 3


def without_twins(table: Path, to: Path) -> dict[str, str]:
    """Write a table of videos without those that show what another one shows.

    Of two that are alike the one with more frames is kept. Pictures of each are looked for in the other,
    upright, turned and mirrored, among the first 3000 frames; they are alike if the better half of either's
    is found, since an excerpt is in the whole, and the whole is not in it. So copies that are cropped,
    pictures that hardly have any contrast, and excerpts from behind these frames are missed, and some videos
    that differ may be taken for the same.

    Returns:
        The paths that are left out, each with that of the video that it was taken for.

    Raises:
        VideoError: a video cannot be decoded.
    """
    rows, root = read_table(table)
    usable = sorted((row for row in rows if row.state == "ok"), key=lambda row: -(row.frames or 0))
    pictures = {row.path: _pictures(root / row.path, row.stream) for row in usable}
    twins: dict[str, str] = {}
    for kept, other in combinations(usable, 2):
        if {kept.path, other.path} & twins.keys():
            continue
        if likeness(pictures[other.path], pictures[kept.path]) > _ALIKE:
            twins[other.path] = kept.path
    write_table([row for row in rows if row.path not in twins], to, root)
    return twins


def _pictures(path: Path, stream: int) -> NDArray[np.float32]:
    """Grey pictures, each of mean 0 and length 1, [pictures, side, side]; those that are flat are left out."""
    found = []
    try:
        with av.open(str(path)) as file:
            frames = islice(file.decode(file.streams[stream]), 0, _MOST, _EVERY)
            for frame in frames:
                small = frame.reformat(_SIDE, _SIDE, "gray").to_ndarray()
                found.append(small[:, :_SIDE].astype(np.float32))
    except (OSError, av.FFmpegError) as error:
        raise VideoError(path, "undecodable", f"cannot be decoded: {error}") from error
    if not found:
        raise VideoError(path, "undecodable", "has no frame")
    grey = np.stack(found)
    grey -= grey.mean((1, 2), keepdims=True)
    spread = grey.std((1, 2))
    clear = spread >= _FLAT
    return grey[clear] / (_SIDE * spread[clear, None, None])


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How alike two videos are: of pictures and those of the other that are most like them, in the better half.

    Args:
        one, other: [pictures, side, side], each picture of mean 0 and length 1.

    Returns:
        The mean correlation, of the side, the turn and the mirror image at which it is greatest; 0 where
        nothing can be compared.
    """
    if not len(one) or not len(other):
        return 0.0
    images = [other, other[:, :, ::-1]]
    return max(
        _correlation(one, np.rot90(image, turns, (1, 2))) for image in images for turns in range(4)
    )


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    every = one.reshape(len(one), -1) @ other.reshape(len(other), -1).T
    return max(_better_half(every.max(1)), _better_half(every.max(0)))


def _better_half(best: NDArray[np.float32]) -> float:
    return float(np.sort(best)[len(best) // 2 :].mean())


def main() -> None:
    """Write a table without copies, and name them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", type=Path, help="of `videossr scan`")
    parser.add_argument("to", type=Path, help="the table to write")
    given = parser.parse_args()
    for copy, of in without_twins(given.table, given.to).items():
        print(f"{copy} shows what {of} shows")


if __name__ == "__main__":
    main()
