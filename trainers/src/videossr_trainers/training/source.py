"""Which state of our own code is at work: versions stay what they are between releases, commits do not."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

_DISTRIBUTION: Final = "videossr-trainers"


def source_of() -> str:
    """The commit that this package is of; `-dirty` is appended where the tree had changes.

    In a clone it is git's. A package that was installed from a repository names the commit that it was
    made of, and of any other there is only the version.
    """
    return _of_clone(Path(__file__)) or _of_installation() or distribution(_DISTRIBUTION).version


def _of_clone(file: Path) -> str:
    """The commit of the repository that has a file; empty where none has it."""
    git = shutil.which("git")
    # A virtual environment may well lie in somebody else's repository, which does not track it.
    if git is None or not _git(git, file, "ls-files", file.name):
        return ""
    commit = _git(git, file, "rev-parse", "HEAD")
    changes = _git(git, file, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if commit and changes else commit


def _git(git: str, file: Path, *words: str) -> str:
    """What git says, in the folder of a file; empty where it fails."""
    # Without locks: several processes may ask at a time, and the repository is not ours to touch.
    command = [git, "--no-optional-locks", "-C", str(file.parent), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - git's own words
    return "" if done.returncode else done.stdout.strip()


def _of_installation() -> str:
    """The commit that an installed package was made of, as PEP 610 has it; empty where that is not known."""
    origin = json.loads(distribution(_DISTRIBUTION).read_text("direct_url.json") or "{}")
    return str(origin.get("vcs_info", {}).get("commit_id", ""))
