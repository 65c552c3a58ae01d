"""Going through the frames of a file in order, by PyAV, whose wheel carries its own FFmpeg.

Nothing here converts a pixel, and nothing needs torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videossr.errors import VideoError
from videossr.video.container import open_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from videossr.video.timeline import Timeline

#: A seek has to skip at least this many frames to be worth its cost.
_WORTH_A_SEEK: Final = 8


def walk(path: Path | str, timeline: Timeline, wanted: Sequence[int]) -> Iterator[VideoFrame]:
    """The wanted frames as they are decoded, each one, in order: neither converted nor rotated.

    Frames that nobody wants, and that no other is predicted from, are not decoded at all; where whole
    groups of pictures lie between two wanted frames they are skipped by a seek.

    Args:
        path: the video file.
        timeline: as `read_timeline` gives it.
        wanted: frame numbers on the timeline, strictly increasing.

    Raises:
        VideoError: `undecodable`, where a frame is damaged or predicted from one that is;
            `missing_frames`; and as `open_video` says.
    """
    done = 0
    # A seek may land wrong or leave the decoder without what it needs, depending on container and
    # codec. What it does not deliver in good order is decoded again from the start, every frame.
    for sparing in (True, False):
        try:
            for frame in _walk(path, timeline, wanted[done:], sparing=sparing):
                yield frame
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


def every_frame(path: Path | str) -> Iterator[VideoFrame]:
    """All frames that the decoder gives, from first to last, whether announced or not.

    Raises:
        VideoError: `undecodable` at the first packet that the decoder refuses; and as `open_video`.
    """
    with open_video(path) as (container, stream):
        yield from _frames(container, stream, None)


def _walk(
    path: Path | str, timeline: Timeline, wanted: Sequence[int], *, sparing: bool
) -> Iterator[VideoFrame]:
    stamps = frozenset(int(timeline.pts[number]) for number in wanted) if sparing else None
    with open_video(path) as (container, stream):
        frames = _frames(container, stream, stamps)
        ahead = 0  # number of the next frame to come
        for number in wanted:
            key = timeline.key_before(number)
            if sparing and key - ahead >= _WORTH_A_SEEK:
                if not ahead:
                    _prime(container, stream)
                container.seek(int(timeline.pts[key]), stream=stream)
                frames = _frames(container, stream, stamps)
            frame = _at(frames, int(timeline.pts[number]), path)
            if frame is None:
                return
            ahead = number + 1
            yield frame


def _at(frames: Iterator[VideoFrame], pts: int, path: Path | str) -> VideoFrame | None:
    """The frame with this time stamp, or None if it does not come.

    Raises:
        VideoError: it is damaged, or one since the last key frame is, from which it is predicted.
    """
    damaged = None
    for frame in frames:
        if frame.is_corrupt:
            damaged = frame
        elif frame.key_frame:
            damaged = None
        if frame.pts is None or frame.pts < pts:
            continue
        if frame.pts > pts:
            return None
        if damaged is not None:
            raise VideoError(
                path, "undecodable", f"the frame at {damaged.time or 0:.3f} s is damaged"
            )
        return frame
    return None


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
