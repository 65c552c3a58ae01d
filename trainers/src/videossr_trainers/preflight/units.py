"""Sizes in words."""

from __future__ import annotations


def in_gib(size: float) -> str:
    """Bytes as GiB, or as MiB where that is less than a tenth."""
    if size >= 0.1 * 2**30:
        return f"{size / 2**30:.1f} GiB"
    return f"{size / 2**20:.1f} MiB"
