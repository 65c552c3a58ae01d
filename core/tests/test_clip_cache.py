"""Clips in memory: who decodes, what stays, what is remembered of a failure."""

from __future__ import annotations

import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import torch

from videossr import Clip, VideoError
from videossr.clip_cache import ClipCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


def clip_of(pixels: int) -> Clip:
    """A clip of one frame, 3 bytes a pixel."""
    return Clip(torch.zeros(1, 3, 1, pixels, dtype=torch.uint8), torch.zeros(1).double())


class Decoder:
    """Decodes clips of ten pixels, and keeps count."""

    def __init__(self) -> None:
        self.decoded: list[Hashable] = []

    def of(self, key: Hashable, pixels: int = 10) -> Callable[[], Clip]:
        """The function that decodes this key."""

        def decode() -> Clip:
            self.decoded.append(key)
            return clip_of(pixels)

        return decode


def test_a_clip_is_decoded_once() -> None:
    """Who asks again gets the very same clip."""
    cache, decoder = ClipCache(1000), Decoder()
    first = cache.get("a", decoder.of("a"))
    assert first is cache.get("a", decoder.of("a"))
    assert first is not cache.get("b", decoder.of("b"))
    assert ["a", "b"] == decoder.decoded


def test_threads_wait_for_one_decode() -> None:
    """Eight ask while the first is at work."""
    cache, calls, asking = ClipCache(1000), [], threading.Semaphore(0)

    def decode() -> Clip:
        calls.append(threading.get_ident())
        for _ in range(8):  # everybody is there
            asking.acquire()
        return clip_of(10)

    def ask() -> Clip:
        asking.release()
        return cache.get("a", decode)

    with ThreadPoolExecutor(8) as pool:
        clips = [job.result() for job in [pool.submit(ask) for _ in range(8)]]
    assert 1 == len(calls)
    assert {id(clips[0])} == set(map(id, clips))


def test_clips_are_decoded_side_by_side() -> None:
    """A decode at work keeps nobody from another clip."""
    cache, decoder, inner = ClipCache(1000), Decoder(), []

    def decode() -> Clip:
        inner.append(cache.get("b", decoder.of("b")))
        return clip_of(10)

    cache.get("a", decode)
    assert ["b"] == decoder.decoded
    assert 1 == len(inner)


def test_the_clip_used_longest_ago_makes_room() -> None:
    """Room for two clips of 30 bytes: a and b, a again, then c drives out b."""
    cache, decoder = ClipCache(60), Decoder()
    for key in "abac":
        cache.get(key, decoder.of(key))
    assert ["a", "b", "c"] == decoder.decoded
    for key in "acb":
        cache.get(key, decoder.of(key))
    assert ["a", "b", "c", "b"] == decoder.decoded


def test_room_is_counted_in_bytes() -> None:
    """One clip of 60 bytes drives out two of 30."""
    cache, decoder = ClipCache(60), Decoder()
    for key in "ab":
        cache.get(key, decoder.of(key))
    cache.get("large", decoder.of("large", pixels=20))
    for key in ("large", "a", "b"):
        cache.get(key, decoder.of(key))
    assert ["a", "b", "large", "a", "b"] == decoder.decoded


def test_a_clip_larger_than_the_cache_is_returned() -> None:
    """And not kept; what comes after it is."""
    cache, decoder = ClipCache(60), Decoder()
    for _ in range(2):
        assert 99 == cache.get("huge", decoder.of("huge", pixels=99)).width
    for _ in range(2):
        cache.get("a", decoder.of("a"))
    assert ["huge", "huge", "a"] == decoder.decoded


def test_many_threads_leave_the_count_right() -> None:
    """After a crowd of them, a cache for two clips holds two, and not one or three."""
    cache, decoder = ClipCache(60), Decoder()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: cache.get(n % 5, decoder.of(n % 5)), range(200)))
    for key in "abab":
        cache.get(key, decoder.of(key))
    assert ["a", "b"] == [key for key in decoder.decoded if isinstance(key, str)]
    cache.get("c", decoder.of("c"))
    cache.get("a", decoder.of("a"))
    assert ["a", "b", "c", "a"] == [key for key in decoder.decoded if isinstance(key, str)]


def failing(error: BaseException) -> Callable[[], Clip]:
    """A decode that fails."""

    def decode() -> Clip:
        raise error

    return decode


def test_a_failure_is_remembered() -> None:
    """A broken video is tried once, however often it is asked for."""
    cache, decoder = ClipCache(60), Decoder()
    with pytest.raises(VideoError, match="cut off"):
        cache.get("a", failing(VideoError("a.mp4", "undecodable", "cut off")))
    for _ in range(2):
        with pytest.raises(VideoError, match="cut off"):
            cache.get("a", decoder.of("a"))
    assert [] == decoder.decoded


def test_a_remembered_failure_does_not_grow() -> None:
    """Its traceback holds on to every frame that it has gone through."""
    cache = ClipCache(60)
    depths = []
    for _ in range(20):
        with pytest.raises(VideoError) as caught:
            cache.get("a", failing(VideoError("a.mp4", "undecodable", "cut off")))
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert depths[1] == depths[-1]


def test_an_interruption_is_not_remembered() -> None:
    """It says nothing about the video."""
    cache, decoder = ClipCache(60), Decoder()
    with pytest.raises(KeyboardInterrupt):
        cache.get("a", failing(KeyboardInterrupt()))
    with suppress(KeyboardInterrupt):
        cache.get("a", decoder.of("a"))
    assert ["a"] == decoder.decoded
