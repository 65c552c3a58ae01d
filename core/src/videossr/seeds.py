"""Seeds as hashes of what they are for, so that order, worker count and neighbours don't matter.

Adding an index to a seed makes neighbouring seeds share most of their draws; a hash does not.
"""

from __future__ import annotations

import random

import xxhash


def derive_seed(*parts: str | int) -> int:
    """A seed of 64 bits from everything that identifies what it is for.

    Each part is hashed with its type and length, so ("a", "bc") and ("ab", "c") differ.
    """
    hasher = xxhash.xxh3_64()
    for part in parts:
        encoded = str(part).encode()
        hasher.update(f"{type(part).__name__}:{len(encoded)}:".encode())
        hasher.update(encoded)
    return hasher.intdigest()


def rng_for(*parts: str | int) -> random.Random:
    """A generator seeded with `derive_seed`."""
    return random.Random(derive_seed(*parts))  # noqa: S311 - reproducible, not secret


def question_seed(
    root: int, task: str, version: str, video_hash: str, index: int, difficulty: float
) -> int:
    """The seed of a task's question about a video at a difficulty.

    Args:
        root: the run's root seed.
        task, version: the plugin's name and its own version.
        video_hash: of the video's content.
        index: the question's number among those of its task.
        difficulty: in [0, 1].
    """
    return derive_seed(root, task, version, video_hash, index, repr(difficulty))
