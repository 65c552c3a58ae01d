"""What the processes of a run tell each other: an outcome, an error, whether to stop, what each has found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object, reduce

from videossr import ConfigError, VideossrError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def join_processes() -> PartialState:
    """Meet the other processes that a launcher started, on GPUs or on cores; to be called first.

    Accelerate looks for others on cores only where it is told that there is no GPU: left to itself, it takes
    them for strangers, each of whom would do it all.
    """
    told = os.environ.get("ACCELERATE_USE_CPU", "").lower() in {"true", "1"}
    return PartialState(cpu=told or not torch.accelerator.is_available())


def on_main(work: Callable[[], T]) -> T:
    """Let the main process do some work, and have what it returns, or its error, in every process.

    Raises:
        VideossrError, OSError: what the work raised.
        RuntimeError: it raised something else, which the main process itself raises as it is.
    """
    state = PartialState()
    outcome: list[T | None] = [None]
    error: Exception | None = None
    unforeseen: Exception | None = None
    if state.is_main_process:
        try:
            outcome = [work()]
        except (VideossrError, OSError) as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - else the others would wait for its outcome for ever
            # Told in words, since not every library's error can be sent.
            error = RuntimeError(f"the main process met {type(caught).__name__}: {caught}")
            unforeseen = caught
    if state.num_processes > 1:
        shared: list[Any] = [outcome[0], error]
        broadcast_object_list(shared)
        outcome, error = [shared[0]], shared[1]
    if unforeseen is not None:
        raise unforeseen
    if error is not None:
        raise _common(error)
    return outcome[0]  # type: ignore[return-value] # as the work made it


def gathered(own: Sequence[T]) -> list[T]:
    """What all processes have, those of the first one first; every process has to ask at the same time."""
    if PartialState().num_processes == 1:
        return list(own)
    everything: list[T] = gather_object(list(own))
    return everything


def raise_together(error: Exception | None) -> None:
    """Wait for every process, and raise in all of them what any of them has met."""
    first = next((one for one in gathered([error]) if one is not None), None)
    if first is not None:
        raise _common(first)


def any_process(flag: bool) -> bool:
    """Whether it is so in any process."""
    state = PartialState()
    if state.num_processes == 1:
        return flag
    return bool(reduce(torch.tensor([float(flag)], device=state.device), "sum").item())


def is_common(error: Exception) -> bool:
    """Whether every process raises this error, so that one may speak for all."""
    return isinstance(error, ConfigError) or getattr(error, "_of_all_processes", False)


def _common(error: Exception) -> Exception:
    error._of_all_processes = True  # type: ignore[attr-defined] # noqa: SLF001 - for `is_common`
    return error
