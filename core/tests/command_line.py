"""What the tests of the command line share."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Ran(NamedTuple):
    """What became of a command."""

    code: object
    out: str
    err: str


def fresh(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments, as a process of its own."""
    known = os.environ.get("PYTHONPATH", "")
    more = {"PYTHONPATH": os.pathsep.join([str(path), known])} if path else {}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", **more},
    )
