"""How to install what is missing, in words that work in the environment at hand."""

from __future__ import annotations

import shlex
from importlib.util import find_spec


def install_command(*words: str) -> str:
    """The command line that installs packages where this process would find them.

    An environment made by uv has no pip of its own, and another one's would install elsewhere.
    """
    pip = ["pip"] if find_spec("pip") else ["uv", "pip"]
    return shlex.join([*pip, "install", *words])
