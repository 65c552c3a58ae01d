"""When each frame of a video is shown, read without decoding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from videossr.errors import VideoError
from videossr.video.container import open_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The frames of a video stream in the order in which they are shown.

    Times are those that the file gives its frames: presentation time stamps times time base, on the
    clock that all streams of the file share. They are not moved to zero, and nothing is made up from a
    frame rate. A stream that starts late has a first time above zero.

    Attributes:
        stream: index of the stream in the file.
        pts: int64 [F], time stamps in ticks of `time_base`, strictly increasing.
        time_base: seconds a tick.
        keys: bool [F], frames at which decoding can start.
        height, width: the coded size, neither rotated nor stretched, in pixels.
        pixel_aspect: width of a pixel divided by its height.
        codec: FFmpeg's name of the codec.
        pixel_format: FFmpeg's name of the pixel format.
        nominal_fps: frames a second as the header has it, 0 where it has none. Nothing is computed
            from it: often enough it is wrong.
        end: seconds on the file's clock at which the last frame ends, as far as the file says.
        promised: the same by the header, NaN where it does not say.
    """

    stream: int
    pts: NDArray[np.int64]
    time_base: Fraction
    keys: NDArray[np.bool_]
    height: int
    width: int
    pixel_aspect: Fraction
    codec: str
    pixel_format: str
    nominal_fps: float
    end: float
    promised: float

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def times(self) -> NDArray[np.float64]:
        """The time of each frame, float64 [F], seconds."""
        # Multiply first: this is how torchcodec rounds, and the two must agree.
        ticks = self.pts.astype(np.float64)
        return ticks * self.time_base.numerator / self.time_base.denominator

    def key_before(self, frame: int) -> int:
        """The last frame up to this one at which decoding can start, 0 if there is none."""
        before = np.flatnonzero(self.keys[: frame + 1])
        return int(before[-1]) if len(before) else 0

    def displayed_size(self, rotation: int) -> tuple[int, int]:
        """Height and width in pixels as a player shows them: pixels made square, then rotated."""
        height, width = self.height, max(1, round(self.width * self.pixel_aspect))
        return (width, height) if rotation % 180 else (height, width)


def read_timeline(path: Path | str, beat: Callable[[], None] | None = None) -> Timeline:
    """The timeline of a file's best video stream. Reads the file to the end.

    Packets without a time stamp, and those that the file marks as not to be shown, are left out. Where
    several frames have one time stamp, one of them counts.

    Args:
        path: the file.
        beat: called now and then, to tell that it goes on.

    Raises:
        VideoError: `unreadable`, `no_video_stream`, `cover_art`, `still_image`, `encrypted`,
            `undecodable`, or `no_frames`.
    """
    with open_video(path) as (container, stream):
        return _demux(path, container, stream, beat)


def _demux(
    path: Path | str,
    container: InputContainer,
    stream: VideoStream,
    beat: Callable[[], None] | None,
) -> Timeline:
    shown: dict[int, bool] = {}
    end = 0
    for packet in container.demux(stream):
        if beat is not None:
            beat()
        if packet.has_sidedata("encryption_info") or packet.has_sidedata("encryption_init_info"):
            raise VideoError(path, "encrypted", "the video stream is encrypted")
        pts = packet.pts
        if pts is None or packet.is_discard:
            continue
        end = max(end, pts + (packet.duration or 0))
        shown[pts] = shown.get(pts, False) or packet.is_keyframe
    if not shown or stream.time_base is None:
        raise VideoError(path, "no_frames", "the video stream has no frame with a time")
    pts_in_order = np.array(sorted(shown), dtype=np.int64)
    context = stream.codec_context
    return Timeline(
        stream=stream.index,
        pts=pts_in_order,
        time_base=stream.time_base,
        keys=np.array([shown[int(pts)] for pts in pts_in_order], dtype=np.bool_),
        height=context.height,
        width=context.width,
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        codec=context.codec.canonical_name,
        pixel_format=context.pix_fmt or "",
        nominal_fps=float(stream.base_rate or 0),
        end=float(end * stream.time_base),
        promised=_promised(stream),
    )


def _promised(stream: VideoStream) -> float:
    if stream.duration is None or stream.time_base is None:
        return math.nan
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
