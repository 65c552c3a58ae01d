"""Draws for plugins, all made from `rng.random()` alone.

Python promises that a seeded generator gives the same sequence of `random()` in every version, and
promises nothing for `randint`, `choice`, `shuffle` and the rest. A recipe has to render alike for
years, so plugins draw through this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

Item = TypeVar("Item")


def uniform(rng: random.Random, least: float, greatest: float) -> float:
    """A number from `least` to `greatest`. Takes one draw."""
    return least + (greatest - least) * rng.random()


def whole(rng: random.Random, least: int, greatest: int) -> int:
    """A whole number from `least` to `greatest`, both included, each as likely. Takes one draw.

    Raises:
        ValueError: `greatest` is less than `least`.
    """
    if greatest < least:
        raise ValueError(f"greatest: {greatest}; must be at least {least}, the least")
    return least + int(rng.random() * (greatest - least + 1))


def choice(rng: random.Random, items: Sequence[Item]) -> Item:
    """One of the items, each as likely. Takes one draw.

    Raises:
        ValueError: there are no items.
    """
    if not items:
        raise ValueError("items: empty; must hold at least one to choose from")
    return items[int(rng.random() * len(items))]


def shuffled(rng: random.Random, items: Iterable[Item]) -> list[Item]:
    """The items in an order of which each is as likely. Takes one draw less than there are items.

    Fisher and Yates' shuffle, from the end to the front.
    """
    order = list(items)
    for last in range(len(order) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        order[last], order[other] = order[other], order[last]
    return order
