"""The one place where frames of a video come into memory."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import torch

from videossr.clip import Clip
from videossr.errors import VideoError
from videossr.video import _pyav, _torchcodec
from videossr.video.sampling import frames_on_screen
from videossr.video.sizing import fit_size
from videossr.video.timeline import read_timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videossr.video.picture import Picture
    from videossr.video.timeline import Timeline

    Pictures = Callable[[Path | str, Timeline, Sequence[int]], Iterator[Picture]]

Backend = Literal["pyav", "torchcodec"]

_BACKENDS: Final[dict[str, Pictures]] = {
    "torchcodec": _torchcodec.pictures,
    "pyav": _pyav.pictures,
}


@cache
def available_backends() -> tuple[Backend, ...]:
    """The decoders that work here.

    PyAV always does. It is the default: by benchmarks/decode.py it is the cheaper one besides.
    """
    return ("pyav", "torchcodec") if _torchcodec.works() else ("pyav",)


def decode(
    path: Path | str,
    times_wanted: Sequence[float],
    *,
    max_pixels: int,
    min_pixels: int,
    multiple: int,
    backend: Backend = "pyav",
) -> Clip:
    """The frames that a player shows at the wanted times.

    Rotated and stretched as the file says, and scaled to `fit_size` of what a player shows. A frame
    that is on screen at two wanted times comes once. Only wanted frames are converted and kept. The
    same file, arguments and backend give the same bits in any process. Threads may call it side by
    side: each call decodes in the thread that makes it, and FFmpeg runs without the interpreter lock.

    Args:
        path: the video file. Only ever read.
        times_wanted: seconds on the file's own clock, as `Timeline.times`, in any order.
        max_pixels: limit of a frame's area, as for `fit_size`.
        min_pixels: limit of a frame's area, as for `fit_size`.
        multiple: what both sides of a frame are multiples of.
        backend: what decodes.

    Returns:
        The frames with their presentation times, checked against those that the decoder reports.

    Raises:
        VideoError: the file is no video, is damaged, or a frame that it announces does not come.
        ValueError: no time wanted, a time that is not finite, limits that `fit_size` refuses, or a
            backend that does not work here.
    """
    if backend not in available_backends():
        raise ValueError(
            f"backend: {backend!r} does not work here; available: {', '.join(available_backends())}"
        )
    timeline = timeline_of(path)
    wanted = [int(frame) for frame in frames_on_screen(timeline.times, times_wanted)]
    frames: torch.Tensor | None = None
    times: list[float] = []
    for picture in _BACKENDS[backend](path, timeline, wanted):
        if frames is None:
            height, width = fit_size(
                *timeline.displayed_size(picture.rotation),
                max_pixels=max_pixels,
                min_pixels=min_pixels,
                multiple=multiple,
            )
            frames = torch.empty((len(wanted), 3, height, width), dtype=torch.uint8)
        # By NumPy: torch would wake a team of threads for each small copy, which costs more than all
        # the scaling.
        frames.numpy()[len(times)] = picture.at_size(*frames.shape[2:]).numpy()
        times.append(picture.time)
    if frames is None or len(times) != len(wanted):
        raise VideoError(path, "missing_frames", f"{len(times)} of {len(wanted)} frames came")
    return Clip(frames, torch.tensor(times, dtype=torch.float64))


def timeline_of(path: Path | str) -> Timeline:
    """As `read_timeline`, but a file that has not changed since is not read again.

    Raises:
        VideoError: as for `read_timeline`.
    """
    try:
        status = Path(path).stat()
    except OSError as error:
        raise VideoError(path, "unreadable", error.strerror or str(error)) from error
    return _read_timeline(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=128)  # an hour at 30 frames a second is a megabyte
def _read_timeline(path: str, _size: int, _modified: int) -> Timeline:
    return read_timeline(path)
