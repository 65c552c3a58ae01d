"""The video table: what a scan found out about each file, kept as one Parquet file."""

from __future__ import annotations

import os
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from videossr.atomic import replacing
from videossr.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

#: Version of the table's columns.
FORMAT: Final = "2"

_FORMAT_KEY: Final = b"videossr.videos"
_ROOT_KEY: Final = b"videossr.root"


@dataclass(frozen=True, slots=True)
class VideoRow:
    """One video file, usable or quarantined.

    Attributes:
        path: below the root, with forward slashes.
        state: "ok", or "quarantined" where `reason` and `detail` say why.
        bytes: size of the file.
        modified: when it was last changed, in nanoseconds since 1970; with `bytes` it says whether a
            later scan has to read it again. Both are 0 where the fault may be another next time.
        checked: "all" frames were decoded, or the "ends".
        hash: XXH3 of the file's bytes, 128 bits, hexadecimal. This and what follows up to
            `pixel_format` is empty or zero for a quarantined file.
        first: time of the first frame, on the file's own clock, in seconds.
        last: time of the last frame.
        duration: from the first frame's time to the end of the last frame, in seconds, the last frame
            counted for the median gap.
        frames: number of frames.
        fps: average frames a second.
        nominal_fps: frames a second as the header has it, often wrongly; 0 where it has none.
        variable: the gaps between frames differ by more than rounding.
        height, width: as displayed, in pixels.
        rotation: degrees counter-clockwise by which players turn the coded picture.
        stream: which of the file's streams these are: FFmpeg's best video stream, which is the one
            with the most pixels, on the whole.
        codec, pixel_format: FFmpeg's names.
        reason: a short name such as `no_video_stream`, as in `VideoError`.
        detail: the reason in words.
    """

    path: str
    state: Literal["ok", "quarantined"]
    bytes: int = 0
    modified: int = 0
    checked: Literal["all", "ends", ""] = ""
    hash: str = ""
    first: float = 0.0
    last: float = 0.0
    duration: float = 0.0
    frames: int = 0
    fps: float = 0.0
    nominal_fps: float = 0.0
    variable: bool = False
    height: int = 0
    width: int = 0
    rotation: int = 0
    stream: int = 0
    codec: str = ""
    pixel_format: str = ""
    reason: str = ""
    detail: str = ""

    def below(self, root: Path) -> Path:
        """The file itself, below the table's root."""
        return root / self.path


def write_table(rows: Iterable[VideoRow], path: Path | str, root: Path | str) -> None:
    """Write a video table, replacing an older one in one step.

    The same rows and root give the same bytes, in whatever order the rows come.

    Args:
        rows: one for each file.
        path: the table to write; its folder is made if need be.
        root: the folder that the rows' paths start from, kept in the table as an absolute path.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = Path(path)
    ordered = sorted(rows, key=lambda row: row.path)
    columns = zip(*map(astuple, ordered), strict=True) if ordered else ([],) * len(fields(VideoRow))
    metadata = {_FORMAT_KEY: FORMAT.encode(), _ROOT_KEY: os.fsencode(Path(root).absolute())}
    table = pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, _schema(), strict=True)],
        schema=_schema().with_metadata(metadata),
    )
    with replacing(path) as unfinished:
        pq.write_table(table, unfinished, compression="zstd")


def is_table(path: Path) -> bool:
    """Whether a path is one of a table rather than of a video or a folder, whatever it is called."""
    if not path.is_file():
        return False
    if path.suffix == ".parquet":
        return True  # or a damaged one, which reading it will tell
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"  # how every Parquet file begins


def read_table(path: Path | str) -> tuple[list[VideoRow], Path]:
    """The rows of a video table, sorted by path, and the folder that their paths start from.

    Raises:
        DatasetError: there is no such file, it is damaged, or it is no video table of this format.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    from videossr import parquet  # noqa: PLC0415 - imports pyarrow

    def refuse(schema: pa.Schema) -> None:
        metadata = schema.metadata or {}
        known = metadata.get(_FORMAT_KEY) == FORMAT.encode() and _ROOT_KEY in metadata
        if not (known and schema.equals(_schema())):
            raise DatasetError(
                f"{path}: a Parquet file, but no video table of format {FORMAT}; "
                "make one with `videossr scan`"
            )

    try:
        table = parquet.read_table(path, refuse)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file; make it with `videossr scan`") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(
            f"{path}: not a readable Parquet file ({error}); make it again with `videossr scan`"
        ) from error
    rows = [VideoRow(**row) for row in table.to_pylist()]
    for row in rows:
        if not parquet.inside(row.path):
            raise DatasetError(
                f"{path}: the video {row.path!r} is not below the table's root; no scan writes that"
            )
    return rows, Path(os.fsdecode(table.schema.metadata[_ROOT_KEY]))


def _schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    kinds = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return pa.schema(
        [
            pa.field(field.name, kinds.get(str(field.type), pa.string()), nullable=False)
            for field in fields(VideoRow)
        ]
    )
