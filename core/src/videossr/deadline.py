"""A limit on how long a call may take."""

from __future__ import annotations

import ctypes
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

#: Seconds in which a call must end after one inside it was given up, whose error then is its own.
_UNWINDING_S: Final = 1.0


class Overtime(Exception):  # noqa: N818 - what happened, in the words of the message
    """A call took longer than its limit."""


class _Stop(BaseException):
    """Raised inside a call that is over its limit; nobody catches it by mistake."""


@dataclass(slots=True)
class _Limit:
    """The limit of a call: how long, until when, and whether a limited call inside it still runs.

    One that was given up counts as running, so that it is the one to be blamed.
    """

    seconds: float
    ends: float
    inner: bool = False


#: The limit under which this code runs.
_limit: Final[ContextVar[_Limit | None]] = ContextVar("_limit", default=None)


def within(seconds: float | None, work: Callable[[], Result]) -> Result:
    """The result of `work`, or `Overtime` when it takes longer than that; no limit for None.

    The work runs in a thread of its own. One that is over time is told to stop, which Python code
    does at its next instruction; a call into C that never returns is left behind and dies with the
    process, which it does not keep alive.

    Within another limit there is what is left of that at most, so that it is the innermost work that
    is over time, and every thread around it ends by itself.
    """
    outer = _limit.get()
    if outer is None:
        return work() if seconds is None else _limited(seconds, f"limit of {seconds:g} s", work)
    left = max(0.0, outer.ends - monotonic())
    allowed = f"{left:.3g} s left of the limit of {outer.seconds:g} s"
    if seconds is not None and seconds < left:
        left, allowed = seconds, f"limit of {seconds:g} s"
    outer.inner = True
    try:
        result = _limited(left, allowed, work)
    except Overtime:
        raise
    except BaseException:
        outer.inner = False
        raise
    outer.inner = False
    return result


def _limited(seconds: float, allowed: str, work: Callable[[], Result]) -> Result:
    limit = _Limit(seconds, monotonic() + seconds)
    done: dict[str, Any] = {}

    def run() -> None:
        _limit.set(limit)
        try:
            done["result"] = work()
        except BaseException as error:  # noqa: BLE001 - carried over to the caller
            done["error"] = error

    thread = Thread(target=copy_context().run, args=(run,), daemon=True)
    thread.start()
    try:
        thread.join(seconds)
        if thread.is_alive() and limit.inner:
            thread.join(_UNWINDING_S)
        late = thread.is_alive()
    finally:  # also where the wait itself is ended, by Ctrl-C or the limit around this one
        if thread.is_alive():
            _stop(thread)
    if late:
        raise Overtime(f"took longer than the {allowed}")
    if "error" in done:
        raise done["error"]
    result: Result = done["result"]
    return result


def _stop(thread: Thread) -> None:
    assert thread.ident  # noqa: S101 - it was started
    stop = ctypes.py_object(_Stop)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), stop)
