"""How many threads torch uses while others of our own are at work."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let each torch operation run in the thread that calls it.

    Where several videos are worked on side by side, a team of threads for every small operation makes
    the teams wait for each other: a busy pair of cores then renders ten times slower.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
