"""How many threads there is work for."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let each torch operation run in the thread that calls it.

    Where several videos are worked on side by side, a team of threads for every small operation makes
    the teams wait for each other: a busy pair of cores then renders ten times slower.
    """
    import torch  # noqa: PLC0415 - counting cores needs none of it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
