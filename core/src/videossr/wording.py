"""Numbers in sentences."""

from __future__ import annotations


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A number of things, such as `1 question` and `2,000 questions`; `nouns` where an s is not enough."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def how_often(times: float) -> str:
    """A rate, such as `once`, `2 times` and `1.5 times`."""
    rounded = round(times, 1)
    return "once" if rounded == 1 else f"{rounded:g} times"
