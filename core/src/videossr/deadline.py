"""A limit on how long a call may take."""

from __future__ import annotations

import ctypes
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Overtime(Exception):  # noqa: N818 - what happened, in the words of the message
    """A call took longer than its limit."""


class _Stop(BaseException):
    """Raised inside a call that is over its limit; nobody catches it by mistake."""


def within(seconds: float | None, work: Callable[[], Result]) -> Result:
    """The result of `work`, or `Overtime` when it takes longer than that; no limit for None.

    The work runs in a thread of its own. One that is over time is told to stop, which Python code
    does at its next instruction; a call into C that never returns is left behind and dies with the
    process, which it does not keep alive.
    """
    if seconds is None:
        return work()
    done: dict[str, Any] = {}

    def run() -> None:
        try:
            done["result"] = work()
        except BaseException as error:  # noqa: BLE001 - carried over to the caller
            done["error"] = error

    thread = Thread(target=copy_context().run, args=(run,), daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        assert thread.ident  # noqa: S101 - it was started
        stop = ctypes.py_object(_Stop)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), stop)
        raise Overtime(f"took longer than the limit of {seconds:g} s")
    if "error" in done:
        raise done["error"]
    result: Result = done["result"]
    return result
