"""Threads of this process. Decoding runs outside of Python's lock."""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Iterator

    from videossr.engine.protocol import Each, Work

#: Pieces that wait for each thread: a hundred thousand futures are no use to anybody.
_AHEAD: Final = 4


class Local:
    """The engine that needs nothing.

    Args:
        workers: threads.

    Raises:
        ConfigError: fewer than one.
    """

    def __init__(self, workers: int = 1) -> None:
        if workers < 1:
            raise ConfigError(Mistake("workers", str(workers), "must be at least 1"))
        self.workers = workers

    @contextmanager
    def at(
        self,
        work: Work[Any, Any],
        *,
        together: Callable[[Any], Hashable],  # noqa: ARG002 - all threads share what they need
    ) -> Iterator[Each[Any, Any]]:
        """As `Engine.at`."""
        with ThreadPoolExecutor(self.workers) as pool, work.begin() as do:

            def each(items: Iterable[Any]) -> Generator[tuple[Any, Any]]:
                return _each(items, do, pool, _AHEAD * self.workers)

            try:
                yield each
            finally:
                # What has begun is ended by the work, if it can be; what has not is let go.
                pool.shutdown(wait=False, cancel_futures=True)


def _each(
    items: Iterable[Any], do: Callable[[Any], Any], pool: ThreadPoolExecutor, ahead: int
) -> Generator[tuple[Any, Any]]:
    waiting = deque(items)
    running: dict[Future[Any], Any] = {}
    while waiting or running:
        while waiting and len(running) < ahead:
            item = waiting.popleft()
            running[pool.submit(do, item)] = item
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            yield running.pop(future), future.result()
