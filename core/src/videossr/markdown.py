"""Texts of others in Markdown."""

from __future__ import annotations

import re

from videossr.visible import visible


def plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line, and that a file can hold."""
    return re.sub(r"([\\`*_\[\]<>#|&~])", r"\\\1", visible(" ".join(text.split())))


def fenced(text: str, language: str = "") -> str:
    """A block of code that holds a text whatever is in it, fences among them."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
