"""What there is to know about a video file before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import xxhash

from videossr.errors import VideoError
from videossr.video.timeline import Timeline, read_timeline
from videossr.video.walking import every_frame, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from av.video.frame import VideoFrame

#: A file with fewer frames shows no motion.
MIN_FRAMES: Final = 2

#: Seconds without a frame that are too long in any video, and the share of a shorter one that is.
_LONG_S: Final = 10.0
_LONG_SHARE: Final = 0.25

#: A gap this short is never too long, and none is that is not so many times the usual one.
_SHORT_S: Final = 1.0
_UNUSUAL: Final = 10

#: A stream may end before its header says by this many seconds, or this share.
_EARLY_S: Final = 0.5
_EARLY_SHARE: Final = 0.05

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
        fps: average frames a second.
        variable: the gaps between frames differ by more than rounding.
        height, width: as displayed, in pixels: pixels made square, then rotated.
        rotation: degrees counter-clockwise by which players turn the coded picture.
        timeline: when each frame is shown, and what the header says.
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
    timeline: Timeline

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.timeline)


def hash_file(path: Path | str, beat: Callable[[], None] | None = None) -> str:
    """XXH3 of a file's bytes, 128 bits, hexadecimal.

    Args:
        path: the file.
        beat: called now and then, to tell that it goes on.

    Raises:
        OSError: the file cannot be read.
    """
    hasher = xxhash.xxh3_128()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
            if beat is not None:
                beat()
    return hasher.hexdigest()


def probe(
    path: Path | str, *, thorough: bool = False, beat: Callable[[], None] | None = None
) -> VideoInfo:
    """Read what a video file holds, and see whether its frames can be decoded.

    Args:
        path: the file.
        thorough: decode every frame, and some again after a seek. Otherwise only the first frame and
            the last key frame: much quicker, and blind to damage in between, which `decode` tells
            when it meets it.
        beat: called now and then, to tell that it goes on.

    Raises:
        VideoError: with a reason, one of `unreadable` (no video file, or no permission),
            `no_video_stream`, `cover_art`, `still_image`, `encrypted`, `undecodable`, `no_frames`,
            `too_few_frames`, `truncated` (it ends before its header says), `long_gap`,
            `missing_frames` (a frame that is announced does not come), `seeks_wrong` (a frame looks
            otherwise after a seek than in order).
    """
    path = Path(path)
    try:
        digest, size = hash_file(path, beat), path.stat().st_size
    except OSError as error:
        raise VideoError(path, "unreadable", error.strerror or str(error)) from error
    if not size:
        raise VideoError(path, "unreadable", "the file is empty")
    timeline = read_timeline(path, beat)
    # The last key frame, not the last frame: that one may cost the decoding of the whole file.
    ends = sorted({0, timeline.key_before(len(timeline) - 1)})
    if thorough:
        rotation = _decode_all(path, timeline, ends, beat)
    else:
        rotation, *_ = [frame.rotation for frame in walk(path, timeline, ends)]
    if len(timeline) < MIN_FRAMES:
        raise VideoError(
            path, "too_few_frames", f"{len(timeline)} frame; a video has at least {MIN_FRAMES}"
        )
    times = timeline.times
    gaps = np.diff(times)
    median = float(np.median(gaps))
    duration = float(times[-1] - times[0]) + median
    _refuse_gap(path, timeline, duration, median)
    _refuse_early_end(path, timeline, median)
    rotation = round(rotation / 90) * 90
    height, width = timeline.displayed_size(rotation)
    return VideoInfo(
        path=path,
        hash=digest,
        bytes=size,
        duration=duration,
        fps=float(len(gaps) / (times[-1] - times[0])),
        variable=bool((np.abs(gaps - median) > _STEADY * median).any()),
        height=height,
        width=width,
        rotation=rotation,
        timeline=timeline,
    )


def _decode_all(
    path: Path, timeline: Timeline, ends: list[int], beat: Callable[[], None] | None
) -> int:
    """Decode every frame in order, and the frames `ends` by a seek too. Returns the rotation.

    Raises:
        VideoError: `undecodable`, `missing_frames` or `seeks_wrong`.
    """
    number_at = {int(pts): number for number, pts in enumerate(timeline.pts)}
    came = np.zeros(len(timeline), dtype=np.bool_)
    looks: dict[int, str] = {}
    rotation = 0
    for frame in every_frame(path):
        if beat is not None:
            beat()
        if frame.is_corrupt:
            raise VideoError(
                path, "undecodable", f"the frame at {frame.time or 0:.3f} s is damaged"
            )
        number = number_at.get(frame.pts) if frame.pts is not None else None
        if number is None or came[number]:
            continue
        came[number] = True
        if not number:
            rotation = frame.rotation
        if number in ends:
            looks[number] = _look(frame)
    if not came.all():
        first = int(np.flatnonzero(~came)[0])
        raise VideoError(
            path,
            "missing_frames",
            f"{int((~came).sum())} of {len(timeline)} frames are announced but cannot be decoded, "
            f"the first at {timeline.times[first]:.3f} s",
        )
    for number in ends[1:]:
        (frame,) = walk(path, timeline, [number])
        if _look(frame) != looks[number]:
            raise VideoError(
                path,
                "seeks_wrong",
                f"the frame at {timeline.times[number]:.3f} s looks otherwise after a seek than "
                "when all frames before it are decoded",
            )
    return rotation


def _look(frame: VideoFrame) -> str:
    """A hash of a frame's pixels. Not of its planes, whose rows end in what was in memory before."""
    return xxhash.xxh3_128_hexdigest(frame.to_ndarray(format="rgb24").tobytes())


def _refuse_gap(path: Path, timeline: Timeline, duration: float, median: float) -> None:
    gaps = np.diff(timeline.times)
    longest = int(gaps.argmax())
    gap = float(gaps[longest])
    most = max(_SHORT_S, _UNUSUAL * median, min(_LONG_S, _LONG_SHARE * duration))
    if gap > most:
        raise VideoError(
            path,
            "long_gap",
            f"no frame for {gap:.1f} s from {timeline.times[longest]:.3f} s on; in a video of "
            f"{duration:.1f} s a gap is at most {most:.1f} s",
        )


def _refuse_early_end(path: Path, timeline: Timeline, median: float) -> None:
    end = max(timeline.end, float(timeline.times[-1]) + median)
    early = timeline.promised - end
    if early > max(_EARLY_S, _EARLY_SHARE * timeline.promised):  # false if nothing is promised
        raise VideoError(
            path,
            "truncated",
            f"its frames end at {end:.3f} s, its header promises {timeline.promised:.3f} s; "
            "the file is cut off",
        )
