"""What there is to know about a video file before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import xxhash

from videossr.errors import VideoError
from videossr.video import _pyav
from videossr.video.timeline import Timeline, read_timeline

#: A file with fewer frames shows no motion.
MIN_FRAMES: Final = 2

#: Gaps between frames that differ from the median by less than this share are rounding, such as that
#: of 60 frames a second to whole milliseconds.
_STEADY: Final = 0.25

_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class VideoInfo:
    """A video file that was found to be readable.

    Attributes:
        path: the file.
        hash: XXH3 of the file's bytes, 128 bits, hexadecimal.
        bytes: size of the file.
        duration: from the first frame's time to the end of the last frame, in seconds. The last frame
            counts for the median gap, since few files say how long it lasts, and some say it wrongly.
        fps: average frames a second; 0 for a single frame.
        variable: the gaps between frames differ by more than rounding.
        height, width: as displayed, in pixels: pixels made square, then rotated.
        rotation: degrees counter-clockwise by which players turn the coded picture.
        codec, pixel_format: FFmpeg's names.
        timeline: when each frame is shown.
    """

    path: Path
    hash: str
    bytes: int
    duration: float
    fps: float
    variable: bool
    height: int
    width: int
    rotation: int
    codec: str
    pixel_format: str
    timeline: Timeline

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.timeline)


def hash_file(path: Path | str) -> str:
    """XXH3 of a file's bytes, 128 bits, hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    hasher = xxhash.xxh3_128()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def probe(path: Path | str) -> VideoInfo:
    """Read what a video file holds, and decode its first frame and one near the end.

    A frame in between may still be damaged; `decode` says so when it meets one.

    Raises:
        VideoError: with a reason, one of `unreadable` (no video file, or no permission),
            `no_video_stream`, `cover_art`, `still_image`, `encrypted`, `undecodable`, `no_frames`,
            `too_few_frames`, `missing_frames` (the last key frame did not come).
    """
    path = Path(path)
    try:
        digest, size = hash_file(path), path.stat().st_size
    except OSError as error:
        raise VideoError(path, "unreadable", error.strerror or str(error)) from error
    if not size:
        raise VideoError(path, "unreadable", "the file is empty")
    timeline = read_timeline(path)
    # The last key frame, not the last frame: that one may cost the decoding of the whole file.
    ends = sorted({0, timeline.key_before(len(timeline) - 1)})
    first, *_ = _pyav.pictures(path, timeline, ends)
    if len(timeline) < MIN_FRAMES:
        raise VideoError(
            path, "too_few_frames", f"{len(timeline)} frame; a video has at least {MIN_FRAMES}"
        )
    times = timeline.times
    gaps = np.diff(times)
    median = float(np.median(gaps))
    height, width = timeline.displayed_size(first.rotation)
    return VideoInfo(
        path=path,
        hash=digest,
        bytes=size,
        duration=float(times[-1] - times[0]) + median,
        fps=float(len(gaps) / (times[-1] - times[0])),
        variable=bool((np.abs(gaps - median) > _STEADY * median).any()),
        height=height,
        width=width,
        rotation=first.rotation,
        codec=timeline.codec,
        pixel_format=timeline.pixel_format,
        timeline=timeline,
    )
