"""Frames by PyAV, whose wheel carries its own FFmpeg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from videossr.errors import VideoError
from videossr.video.container import open_video
from videossr.video.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from videossr.video.timeline import Timeline

#: A seek has to skip at least this many frames to be worth its cost.
_WORTH_A_SEEK: Final = 8


def pictures(path: Path | str, timeline: Timeline, wanted: Sequence[int]) -> Iterator[Picture]:
    """The wanted frames, each one, in order.

    Args:
        path: the video file.
        timeline: as `read_timeline` gives it.
        wanted: frame numbers on the timeline, strictly increasing.

    Raises:
        VideoError: `undecodable` or `missing_frames`; and as `open_video` says.
    """
    done = 0
    # A seek may land wrong or leave the decoder without what it needs, depending on container and
    # codec. What it does not deliver in good order is decoded again from the start.
    for may_seek in (True, False):
        try:
            for picture in _walk(path, timeline, wanted[done:], may_seek=may_seek):
                yield picture
                done += 1
        except VideoError:
            if not may_seek:
                raise
        if done == len(wanted):
            return
    raise VideoError(
        path,
        "missing_frames",
        f"the frame at {timeline.times[wanted[done]]:.3f} s, number {wanted[done]} of "
        f"{len(timeline)}, is announced but cannot be decoded",
    )


def _walk(
    path: Path | str, timeline: Timeline, wanted: Sequence[int], *, may_seek: bool
) -> Iterator[Picture]:
    reformatter = VideoReformatter()
    with open_video(path) as (container, stream):
        frames = container.decode(stream)
        times = timeline.times.tolist()
        ahead = 0  # number of the next frame to come
        for number in wanted:
            key = timeline.key_before(number)
            if may_seek and key - ahead >= _WORTH_A_SEEK:
                if not ahead:
                    _prime(container, stream)
                container.seek(int(timeline.pts[key]), stream=stream)
                frames = container.decode(stream)
            pts = int(timeline.pts[number])
            frame = next((f for f in frames if f.pts is not None and f.pts >= pts), None)
            if frame is None or frame.pts != pts:
                return
            if frame.is_corrupt:
                raise VideoError(
                    path, "undecodable", f"the frame at {times[number]:.3f} s is damaged"
                )
            ahead = number + 1
            rotation = round(frame.rotation / 90) * 90
            yield Picture(_rgb(reformatter, frame, rotation // 90), times[number], rotation)


def _prime(container: InputContainer, stream: VideoStream) -> None:
    """Show the decoder the first packet before a seek.

    Files by old versions of x264 say only there how they are to be decoded: without it, frames after a
    seek come out green and no error is raised.
    """
    if stream.codec_context.name == "h264":
        next(container.demux(stream)).decode()


def _rgb(reformatter: VideoReformatter, frame: VideoFrame, turns: int) -> torch.Tensor:
    """The frame's pixels, uint8 [H, W, 3], by the matrix and range that the frame names.

    Args:
        reformatter: kept from frame to frame, since it is costly to set up.
        frame: as decoded. PyAV does not apply the rotation.
        turns: quarter turns counter-clockwise.
    """
    rgb = reformatter.reformat(
        frame,
        format="rgb24",
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BILINEAR,
        threads=1,
    )
    return torch.from_numpy(np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns)))
