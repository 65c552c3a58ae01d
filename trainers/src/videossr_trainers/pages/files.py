"""Files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from videossr.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text; an older file is replaced in one step."""
    # A completion may hold halves of characters, which no file can.
    write_text(path, text, errors="replace")


def write_json(path: Path, tree: object) -> None:
    """Write plain JSON values."""
    write_whole(path, json.dumps(tree, indent=1, ensure_ascii=False) + "\n")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV file with a line for each row; what a row has not is left empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())
