"""Ctrl-C and SIGTERM: the step in hand is finished and saved first; a second signal stops at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from transformers import TrainerCallback

from videossr_trainers.processes import any_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from torch.utils.data import DataLoader
    from transformers import TrainerControl, TrainerState, TrainingArguments

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

#: Seconds in which signals count as one: a launcher passes on what its processes may have got themselves.
_ONE_SIGNAL_S: Final = 2.0


class Stopped(Exception):  # noqa: N818 - an outcome, no fault
    """A run that was asked to stop, and has saved.

    Attributes:
        signal: that asked for it.
        stage, step, steps: where the run is.
    """

    def __init__(self, number: int, stage: str, step: int, steps: int) -> None:
        self.signal, self.stage, self.step, self.steps = number, stage, step, steps
        super().__init__(f"stopped at step {step} of {steps} ({stage})")

    @property
    def exit_code(self) -> int:
        """As shells give it for the signal: 130 or 143."""
        return 128 + self.signal


class StopRequest:
    """Remembers that a signal asked the run to stop, while it is entered.

    Until `may_finish` is set a signal stops the process at once, as ever.

    Args:
        tell: called with a line for whoever sent the signal.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self.signal: int | None = None
        self.may_finish = False
        self._tell = tell
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Only the main thread may; a run in another one is stopped by other means.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def number(self) -> int:
        """The signal that asked; SIGTERM where only another process was asked."""
        return int(signal.SIGTERM if self.signal is None else self.signal)

    def agreed(self) -> bool:
        """Whether any process has been asked to stop; every process has to ask at the same time."""
        return any_process(self.signal is not None)

    def _receive(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.may_finish and self.signal is None:
            self.signal, self._since = number, now
            self._tell("stopping after this step; a second signal stops at once")
        elif self.signal is None or now - self._since > _ONE_SIGNAL_S:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + number)


class StopOnSignal(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Ends a stage after the step in which a stop was asked for, with a checkpoint.

    Args:
        request: to be looked at.
    """

    def __init__(self, request: StopRequest) -> None:
        self.request = request
        self.stopped = False

    def raise_stopped(self, stage: str, state: TrainerState) -> None:
        """Raise `Stopped` if the stage has ended early."""
        if self.stopped:
            raise Stopped(self.request.number, stage, state.global_step, state.max_steps)

    def raise_asked(self, stage: str, state: TrainerState) -> None:
        """Raise `Stopped` if a stop was asked for in the last step of a stage, with another to follow.

        Every process has to call it, when the stage is saved.
        """
        if self.request.agreed():
            raise Stopped(self.request.number, stage, state.global_step, state.max_steps)

    def on_step_begin(self, *_: object, **__: object) -> None:
        """From here on there are steps to finish; the preflight has been before."""
        self.request.may_finish = True

    def on_train_end(self, *_: object, **__: object) -> None:
        """And no more, until the next stage has its first."""
        self.request.may_finish = False

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Stop and save, in all processes alike. The last step is the end anyway."""
        del args
        if self.request.agreed() and state.global_step < state.max_steps:
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True


def tell_stderr(line: str) -> None:
    """Write a line to stderr, as a signal's handler may: past Python's buffers."""
    with suppress(OSError):
        os.write(2, f"\n{line}\n".encode())


def shield_workers(loader: DataLoader[Any]) -> None:
    """Have the workers of a loader leave signals to this process.

    On Linux they are forked, also by the Pythons, from 3.14 on, that would start them from a fork server:
    there libraries have threads before a worker comes to block anything, and a signal finds these.
    """
    loader.worker_init_fn = _Then(loader.worker_init_fn)
    if loader.num_workers and sys.platform == "linux":
        loader.multiprocessing_context = "fork"


def leave_signals_to_parent(_: int = 0) -> None:
    """In a loader's process: let the training process decide what a signal to the whole group means.

    Ctrl-C, torchrun and a cluster's scheduler signal every process of a group, and without its loaders
    the training process could not finish its step. What the parent itself sends still ends this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not hasattr(signal, "sigwaitinfo"):  # macOS: SIGTERM to the group ends the loaders
        return
    # Not os.getppid(), which is the fork server where loaders are started that way.
    started_by = multiprocessing.parent_process()
    parent = os.getppid() if started_by is None else started_by.pid
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])

    def wait() -> None:
        while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


class _Then:
    """A loader's own beginning of a worker, and then ours; a class, since spawned workers pickle it."""

    def __init__(self, first: Any) -> None:  # noqa: ANN401 - torch's
        self.first = first

    def __call__(self, worker: int) -> None:
        if self.first is not None:
            self.first(worker)
        leave_signals_to_parent(worker)
