"""Work done by threads ahead of whoever takes it: questions rendered while a model answers others."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

#: Results that each worker has ready or in hand.
_EACH: Final = 2


def ahead(
    items: Iterable[_Item], make: Callable[[_Item], _Made], *, workers: int
) -> Iterator[tuple[_Item, Future[_Made]]]:
    """Make something of each item, in order, a few ahead of the one that is taken.

    So many results are in memory as there are twice the workers, and the one that was taken. What has
    not begun when this is left, by Ctrl-C or a failure, is let go.

    Args:
        items: drawn as there is room for them.
        make: called from any of the threads; decoding and NumPy run outside of Python's lock.
        workers: threads.

    Yields:
        Each item with its result, which is there; `Future.result` raises what `make` has raised.
    """
    coming = iter(items)
    with ThreadPoolExecutor(workers, "ahead") as pool:
        begun = deque((item, pool.submit(make, item)) for item in islice(coming, _EACH * workers))
        try:
            while begun:
                item, made = begun.popleft()
                wait([made])
                begun.extend((item, pool.submit(make, item)) for item in islice(coming, 1))
                yield item, made
        finally:
            pool.shutdown(cancel_futures=True)
