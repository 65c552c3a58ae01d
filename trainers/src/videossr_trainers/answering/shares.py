"""One job on many processes: each does its share, and the main one gets all.

Under `accelerate launch` every process runs the same program:

    shares = Shares()
    answerer = LocalAnswerer.load(name)                    # on this process's own GPU
    mine = [recipe for recipe in shares.own(recipes)]      # before anything is rendered
    rows = [row(...) for asked, answers in answerer.answer(map(ask, mine), decoding)]
    rows = shares.gather(rows)                             # all of them, in order; empty elsewhere
    if shares.main:
        write(rows)

A process alone has all there is as its share, so callers need no second way.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState

if TYPE_CHECKING:
    from collections.abc import Sequence

_Item = TypeVar("_Item")

#: Shares take unequally long, and the default patience of ten minutes is none.
_PATIENCE: Final = timedelta(days=30)


def this_process() -> PartialState:
    """This process's place among those of a launch, and its device.

    Left to itself, accelerate takes processes without a GPU for strangers, each of whom would do it all.
    """
    told = os.environ.get("ACCELERATE_USE_CPU", "").lower() in {"true", "1"}
    return PartialState(cpu=told or not torch.accelerator.is_available())


class Shares:
    """Parts the work among the processes of a launch; made by all of them, at the same point."""

    def __init__(self) -> None:
        self._state = this_process()
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
