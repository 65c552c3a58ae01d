"""Texts of others in Markdown."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """A text that Markdown shows as it is, and that a file can hold."""
    # A file's name, or what a model said, may hold halves of characters.
    printable = text.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", printable)
