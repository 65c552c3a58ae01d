"""Frames by PyAV, whose wheel carries its own FFmpeg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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

    Frames that nobody wants, and that no other is predicted from, are not decoded at all; where whole
    groups of pictures lie between two wanted frames they are skipped by a seek.

    Args:
        path: the video file.
        timeline: as `read_timeline` gives it.
        wanted: frame numbers on the timeline, strictly increasing.

    Raises:
        VideoError: `undecodable` or `missing_frames`; and as `open_video` says.
    """
    done = 0
    # A seek may land wrong or leave the decoder without what it needs, depending on container and
    # codec. What it does not deliver in good order is decoded again from the start, every frame.
    for sparing in (True, False):
        try:
            for picture in _walk(path, timeline, wanted[done:], sparing=sparing):
                yield picture
                done += 1
        except VideoError:
            if not sparing:
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
    path: Path | str, timeline: Timeline, wanted: Sequence[int], *, sparing: bool
) -> Iterator[Picture]:
    reformatter = VideoReformatter()
    stamps = frozenset(int(timeline.pts[number]) for number in wanted) if sparing else None
    with open_video(path) as (container, stream):
        frames = _frames(container, stream, stamps)
        times = timeline.times.tolist()
        ahead = 0  # number of the next frame to come
        for number in wanted:
            key = timeline.key_before(number)
            if sparing and key - ahead >= _WORTH_A_SEEK:
                if not ahead:
                    _prime(container, stream)
                container.seek(int(timeline.pts[key]), stream=stream)
                frames = _frames(container, stream, stamps)
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
            yield Picture(_rgb(reformatter, frame), times[number], rotation, rotation // 90)


def _frames(
    container: InputContainer, stream: VideoStream, stamps: frozenset[int] | None
) -> Iterator[VideoFrame]:
    """Decoded frames from here on.

    Args:
        container, stream: an open file.
        stamps: time stamps of frames that are wanted; others come only where decoding needs them.
            None for every frame.
    """
    decoder = stream.codec_context
    for packet in container.demux(stream):
        if stamps is not None:
            spare = packet.pts is not None and packet.pts not in stamps
            decoder.skip_frame = "NONREF" if spare else "DEFAULT"
        yield from packet.decode()


def _prime(container: InputContainer, stream: VideoStream) -> None:
    """Show the decoder the first packet before a seek.

    Files by old versions of x264 say only there how they are to be decoded: without it, frames after a
    seek come out green and no error is raised.
    """
    if stream.codec_context.name == "h264":
        next(container.demux(stream)).decode()


def _rgb(reformatter: VideoReformatter, frame: VideoFrame) -> torch.Tensor:
    """The frame's pixels, uint8 [H, W, 3], by the matrix and range that the frame names.

    Args:
        reformatter: kept from frame to frame, since it is costly to set up.
        frame: as decoded, neither rotated nor stretched.
    """
    rgb = reformatter.reformat(
        frame,
        format="rgb24",
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BILINEAR,
        threads=1,
    )
    return torch.from_numpy(rgb.to_ndarray())
