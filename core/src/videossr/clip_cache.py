"""Decoded clips in memory, so that several questions about one window decode it once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from videossr.clip import Clip


class ClipCache:
    """The clips used last, up to a number of bytes. Threads that want one clip wait for one decode.

    A failure is remembered like a clip, so that a broken video is tried once.

    Args:
        max_bytes: pixels kept, in bytes. The clip that is asked for is returned even if it is larger.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._clips: OrderedDict[Hashable, Future[Clip]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, decode: Callable[[], Clip]) -> Clip:
        """The clip of this key, decoded by the first who asks."""
        with self._lock:
            known = self._clips.get(key)
            if known is not None:
                self._clips.move_to_end(key)
            else:
                pending: Future[Clip] = Future()
                self._clips[key] = pending
        if known is not None:
            failure = known.exception()
            if failure is not None:
                raise failure.with_traceback(None)  # or it would grow with each who asks
            return known.result()
        try:
            clip = decode()
        except BaseException as error:
            if not isinstance(error, Exception):
                with self._lock:
                    del self._clips[key]  # interrupted, which says nothing about the video
            pending.set_exception(error)
            raise
        pending.set_result(clip)
        self._account(clip)
        return clip

    def _account(self, clip: Clip) -> None:
        with self._lock:
            self._bytes += clip.frames.nbytes
            for key, future in list(self._clips.items()):
                if self._bytes <= self._max_bytes:
                    break
                if future.done() and future.exception() is None:
                    self._bytes -= future.result().frames.nbytes
                    del self._clips[key]
