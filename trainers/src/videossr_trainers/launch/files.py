"""Where the launch files lie, and what each is for."""

from __future__ import annotations

from pathlib import Path

from videossr import ConfigError
from videossr.errors import Mistake, did_you_mean


def launch_files() -> dict[str, Path]:
    """The files by name."""
    return {file.stem: file for file in sorted(Path(__file__).parent.glob("*.yaml"))}


def launch_file(name: str) -> Path:
    """One file.

    Raises:
        ConfigError: there is none of that name.
    """
    known = launch_files()
    if name not in known:
        right = did_you_mean(name, known) or "known are " + ", ".join(known)
        raise ConfigError(Mistake("launch file", f"there is none named {name!r}", right))
    return known[name]


def purpose(file: Path) -> str:
    """The first line of a file's head: what it is for."""
    return file.read_text().partition("\n")[0].lstrip("# ")
