"""Files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Final

from videossr.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

#: With which spreadsheets take a text for a formula.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_whole(path: Path, text: str) -> None:
    """Write a text; an older file is replaced in one step."""
    # A completion may hold halves of characters, which no file can.
    write_text(path, text, errors="replace")


def write_json(path: Path, tree: object) -> None:
    """Write plain JSON values."""
    write_whole(path, json.dumps(tree, indent=1, ensure_ascii=False) + "\n")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV file with a line for each row; what a row has not is left empty.

    A text that a spreadsheet would take for a formula, such as a file's name that begins with `=`, gets an
    apostrophe before it, which spreadsheets read as "this is text".
    """
    text = io.StringIO()
    # Texts in quotes: those that hold a carriage return alone would otherwise end their line.
    writer = csv.DictWriter(text, columns, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    write_whole(path, text.getvalue())


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
