"""Parquet files of strangers, read within bounds.

A file of a few kilobytes can hold a text once and name it in a billion rows. So rows come batch by batch, a
text that is repeated is kept once, and what the rows come to is counted before they are spelt out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable

#: What the rows of a file may take as Python values, in bytes: about three million videos.
MOST_BYTES: Final = 2**32

#: What a value takes on the average, besides the letters of a text.
_VALUE: Final = 64

#: Rows that are read at a time.
_ROWS: Final = 4096


def read_table(path: Path | str, refuse: Callable[[pa.Schema], None]) -> pa.Table:
    """The table in a file, texts in dictionaries.

    Args:
        path: the file.
        refuse: raises an error for columns that are not the right ones; called before any row is read.

    Raises:
        OSError, pa.ArrowException: it cannot be read, or is damaged.
        ValueError: its rows would take more than `MOST_BYTES`.
    """
    schema = pq.read_schema(path)
    refuse(schema)
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    taken, batches = 0, []
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        _refuse_more(file.metadata.num_rows * len(schema) * _VALUE)
        for batch in file.iter_batches(batch_size=_ROWS):
            taken += sum(map(_bytes, batch.columns))
            _refuse_more(taken)
            batches.append(batch)
        return pa.Table.from_batches(batches, file.schema_arrow)


def inside(path: str) -> bool:
    """Whether a path of a table stays below the table's root, by its words; links may lead where they will."""
    parts = Path(path)
    return bool(parts.parts) and not (parts.anchor or ".." in parts.parts or "\0" in path)


def _refuse_more(taken: int) -> None:
    if taken > MOST_BYTES:
        raise ValueError(f"its rows would take more than {MOST_BYTES / 2**30:g} GiB of memory")


def _bytes(column: pa.Array) -> int:
    """About what a column of a batch takes as Python values."""
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary).take(column.indices)
        return len(column) * _VALUE + (pc.sum(lengths).as_py() or 0)
    if pa.types.is_list(column.type):
        return (len(column) + len(column.flatten())) * _VALUE
    return len(column) * _VALUE
