"""One job on many processes: each does its share, and the main one gets all.

Under `accelerate launch` every process runs the same program:

    shares = Shares()
    answerer = LocalAnswerer.load(name)                    # on this process's own GPU
    mine = [recipe for recipe in shares.own(recipes)]      # before anything is rendered
    rows = [row(...) for asked, answers in answerer.answer(map(ask, mine), decoding)]
    rows = shares.gather(rows)                             # all of them, in order; empty elsewhere
    if shares.main:
        write(rows)

What may fail in one of them goes through `together`, and what one does for all through `once`, so that no
process waits for another that has given up. A process alone has all there is as its share, so callers need no second way.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import torch.distributed as dist
import typer

from videossr.errors import ConfigError, VideossrError
from videossr_trainers.processes import is_common, join_processes, on_main, raise_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Item = TypeVar("_Item")

#: Shares take unequally long, and the default patience of ten minutes is none.
_PATIENCE: Final = timedelta(days=30)


class Shares:
    """Parts the work among the processes of a launch; made by all of them, at the same point."""

    def __init__(self) -> None:
        self._state = join_processes()
        # Its own group, by way of the host: results need no GPU, and may be waited for.
        self._group: Any = (
            dist.new_group(backend="gloo", timeout=_PATIENCE)
            if self._state.num_processes > 1
            else None
        )

    @property
    def main(self) -> bool:
        """Whether this is the process that gets all results."""
        return bool(self._state.is_main_process)

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self._group is None

    def own(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """This process's share: a stretch, so that questions about one video stay together."""
        rank, count = self._state.process_index, self._state.num_processes
        return items[len(items) * rank // count : len(items) * (rank + 1) // count]

    def gather(self, results: Sequence[_Item]) -> list[_Item]:
        """All processes' results, in the order of the shares, for the main one; none for the others.

        Every process must call it, one with an empty share too.
        """
        if self._group is None:
            return list(results)
        parts: list[list[_Item]] | None = [[]] * self._state.num_processes if self.main else None
        dist.gather_object(list(results), parts, dst=0, group=self._group)
        return [result for part in parts or [] for result in part]

    def together(self, work: Callable[[], _Item]) -> list[_Item]:
        """Let every process do its share of some work.

        Returns:
            What it came to in each, in the order of the shares, for the main one; none for the others.

        Raises:
            VideossrError, OSError: what any of them met, in all of them.
        """
        found, fault = [], None
        try:
            found = [work()]
        except (VideossrError, OSError) as error:
            fault = error
        results = self.gather(found)  # with a fault too: the others would wait for ever
        raise_together(fault)
        return results

    def once(self, work: Callable[[], _Item]) -> _Item:
        """Let the main process work, however long, and have what it returns, or its error, in all."""

        def patient() -> _Item:
            try:
                return work()
            finally:
                self.gather([])

        if not self.main:
            self.gather([])  # a broadcast would not wait for as long
        return on_main(patient)

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Let the main process alone tell of an error that all have met."""
        try:
            yield
        except VideossrError as error:
            if self.main or not is_common(error):
                raise
            raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from None
