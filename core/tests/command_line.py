"""What the tests of the command line share."""

from __future__ import annotations

from typing import NamedTuple


class Ran(NamedTuple):
    """What became of a command."""

    code: object
    out: str
    err: str
