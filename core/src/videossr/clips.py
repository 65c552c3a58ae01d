"""The clips that questions are made of, before any alteration: remembered, stored, or decoded."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import xxhash

from videossr.clip_cache import ClipCache
from videossr.clip_store import ClipStore, as_shown
from videossr.errors import ConfigError, Mistake, VideoError
from videossr.threads import one_torch_thread
from videossr.video import available_backends, decode, hash_file, target_times, timeline_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from videossr.clip import Clip
    from videossr.config import StoreConfig, VideoConfig
    from videossr.video import Timeline

#: Decoded pixels kept in memory by default, in bytes: about 60 clips of 48 frames at 256 x 256.
CACHE_BYTES: Final = 512 * 2**20

#: Changes when the same settings come to give other pixels.
_VERSION: Final = "1"


class Excerpt(NamedTuple):
    """Which frames of which video.

    Attributes:
        video: path below the root of the videos, with forward slashes.
        video_hash: XXH3 of the file's bytes, 128 bits, hexadecimal.
        start, stop: seconds of the first and the last frame wanted.
        num_frames: frames wanted, evenly from start to stop.
    """

    video: str
    video_hash: str
    start: float
    stop: float
    num_frames: int

    def key(self, config: VideoConfig) -> str:
        """A hash, 128 bits, hexadecimal, of all that determines the pixels; the file's name does not."""
        determining = [
            _VERSION,
            *(self.video_hash, self.start.hex(), self.stop.hex(), self.num_frames),
            *(config.max_pixels, config.min_pixels, config.size_multiple),
            *(config.decoder, config.pixels),
        ]
        return xxhash.xxh3_128_hexdigest(json.dumps(determining).encode())


class Clips:
    """Gives clips, and decodes as few of them as it can. Threads may share one.

    Args:
        config: how frames are taken and at what size.
        root: folder of the videos. Only ever read.
        store: where clips are kept between runs; nowhere by default.
        cache_bytes: decoded pixels kept in memory.

    Raises:
        ConfigError: the decoder does not work here, or the store's folder cannot be used.
    """

    def __init__(
        self,
        config: VideoConfig,
        root: Path,
        store: StoreConfig | None = None,
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        if config.decoder not in available_backends():
            found = ", ".join(available_backends())
            right = f"FFmpeg's libraries are not found; works here: {found}"
            problem = f"{config.decoder!r} does not work here"
            raise ConfigError(Mistake("video.decoder", problem, right))
        self._config = config
        self._root = root
        self._store = None
        if store is not None and store.folder is not None:
            self._store = open_store(Path(store.folder), store.max_gib)
        self._cache = ClipCache(cache_bytes)

    def get(self, excerpt: Excerpt) -> Clip:
        """The frames of an excerpt.

        Raises:
            VideoError: the video cannot be decoded, or is not the file that the excerpt means.
        """
        key = excerpt.key(self._config)
        return self._cache.get(key, lambda: self._from_store(key, excerpt))

    def _from_store(self, key: str, excerpt: Excerpt) -> Clip:
        if self._store is None:
            return as_shown(self.decoded(excerpt), self._config.pixels)
        stored = self._store.get(key)
        if stored is not None:
            return stored
        return self._store.put(key, self.decoded(excerpt), self._config.pixels)

    def decoded(self, excerpt: Excerpt) -> Clip:
        """The frames of an excerpt, from the video itself.

        Raises:
            VideoError: as for `get`.
        """
        return decode(
            self._path(excerpt.video, excerpt.video_hash),
            target_times(excerpt.start, excerpt.stop, excerpt.num_frames),
            max_pixels=self._config.max_pixels,
            min_pixels=self._config.min_pixels,
            multiple=self._config.size_multiple,
            backend=self._config.decoder,
        )

    def timeline(self, video: str, video_hash: str) -> Timeline:
        """When each frame of a video is shown. Read once, as long as the file stays as it is.

        Raises:
            VideoError: as for `get`.
        """
        return timeline_of(self._path(video, video_hash))

    def _path(self, video: str, video_hash: str) -> Path:
        path = self._root / video
        if _hash_of(path) != video_hash:
            raise VideoError(
                path,
                "changed",
                "is another file than when it was scanned; put that one back, or scan and build again",
            )
        return path


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of filling a store.

    Attributes:
        wanted: different clips that the recipes are about.
        present: of these, those that were there before.
        decoded: those that have been added.
        broken: videos that could not be decoded, with the reason.
    """

    wanted: int
    present: int
    decoded: int
    broken: Mapping[str, str]

    @property
    def missing(self) -> int:
        """Clips for which there was no room, or no video."""
        return self.wanted - self.present - self.decoded


def fill(
    store: ClipStore,
    excerpts: Iterable[Excerpt],
    config: VideoConfig,
    root: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Filled:
    """Decode the clips that a store does not have yet, each once, until it is full.

    Args:
        store: to be filled.
        excerpts: the clips wanted; any may come several times.
        config: how frames are taken and at what size.
        root: folder of the videos. Only ever read.
        workers: threads.
        progress: called with clips done and clips in all that were not there.
    """
    wanted = {excerpt.key(config): excerpt for excerpt in excerpts}
    missing = {key: excerpt for key, excerpt in wanted.items() if key not in store}
    # Clips of one video follow each other, so that its timeline is still in memory.
    order = sorted(missing, key=lambda key: missing[key])
    clips = Clips(config, root, cache_bytes=0)
    broken: dict[str, str] = {}
    full = threading.Event()

    def keep(key: str) -> bool:
        if full.is_set():
            return False
        try:
            store.put(key, clips.decoded(missing[key]), config.pixels)
        except VideoError as error:
            broken[missing[key].video] = error.detail
            return False
        if key not in store:
            full.set()
        return key in store

    decoded = 0
    with one_torch_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            for done, kept in enumerate(pool.map(keep, order), start=1):
                decoded += kept
                if progress is not None:
                    progress(done, len(order))
        finally:
            pool.shutdown(cancel_futures=True)
    return Filled(len(wanted), len(wanted) - len(missing), decoded, dict(sorted(broken.items())))


def open_store(folder: Path, max_gib: float) -> ClipStore:
    """The store in a folder, made if need be.

    Raises:
        ConfigError: the folder cannot be used.
    """
    try:
        return ClipStore(folder, max_bytes=int(max_gib * 2**30))
    except OSError as error:
        problem = f"cannot be used as a folder of clips ({error.strerror or error})"
        raise ConfigError(Mistake("store.folder", f"{str(folder)!r} {problem}")) from error


def _hash_of(path: Path) -> str:
    """The hash of a file's bytes; a file that has not changed since is not read again."""
    try:
        status = path.stat()
        return _read_hash(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise VideoError(path, "unreadable", error.strerror or str(error)) from error


@lru_cache(maxsize=2**17)  # a line for each video, some hundred bytes
def _read_hash(path: Path, _size: int, _modified: int) -> str:
    return hash_file(path)
