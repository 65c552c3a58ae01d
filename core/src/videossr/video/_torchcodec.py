"""Frames by torchcodec, which needs FFmpeg's shared libraries on the machine."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

from videossr.errors import VideoError
from videossr.video.picture import Picture
from videossr.video.sampling import EPSILON

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from videossr.video.timeline import Timeline


def works() -> bool:
    """Whether torchcodec is installed and finds FFmpeg."""
    try:
        import torchcodec  # noqa: PLC0415 - optional, and slow to import
    except (ImportError, OSError, RuntimeError):  # its older versions raise where FFmpeg is missing
        return False
    return getattr(torchcodec, "ffmpeg_major_version", None) is not None


def pictures(path: Path | str, timeline: Timeline, wanted: Sequence[int]) -> Iterator[Picture]:
    """The wanted frames, each one, in order.

    Args:
        path: the video file.
        timeline: as `read_timeline` gives it.
        wanted: frame numbers on the timeline, strictly increasing.

    Raises:
        VideoError: `undecodable`, or `missing_frames` where torchcodec shows another frame at the time
            of a wanted one.
    """
    # By name, since it is optional, slow to import, and exports nothing that mypy would accept.
    decoders = import_module("torchcodec.decoders")
    times = timeline.times.tolist()
    try:
        # "approximate" returns wrong frames for some AV1, MPEG-4 and variable rate files.
        decoder = decoders.VideoDecoder(
            str(path),
            stream_index=timeline.stream,
            dimension_order="NHWC",
            num_ffmpeg_threads=1,
            device="cpu",
            seek_mode="exact",
        )
        last = len(decoder) - 1
        if timeline.codec == "h264" and wanted[0]:
            # As in the PyAV backend: the first packet may say how the rest is to be decoded.
            decoder.get_frame_at(0)
        doubles = 0
        for number in wanted:
            # One at a time: the decoder goes on where it stopped, and a batch would hold the frames
            # of a large video at full size all at once. By number: asked for a time, torchcodec
            # trusts the durations in the file, and returns the frame before if its own is too long.
            frame = decoder.get_frame_at(number + doubles)
            while frame.pts_seconds < times[number] - EPSILON and number + doubles < last:
                doubles += 1  # it counts two frames with one time as two
                frame = decoder.get_frame_at(number + doubles)
            if abs(frame.pts_seconds - times[number]) > EPSILON:
                raise VideoError(
                    path,
                    "missing_frames",
                    f"the frame at {times[number]:.3f} s, number {number} of {len(timeline)}, is "
                    f"announced but the one at {frame.pts_seconds:.3f} s came",
                )
            yield Picture(frame.data, times[number], round(decoder.metadata.rotation or 0))
    except (RuntimeError, ValueError, IndexError) as error:
        # Its messages begin with the function, file and line of its own source.
        words = re.sub(r"^\w+, \S+:\d+, ", "", str(error).strip()).partition("\n")[0]
        raise VideoError(path, "undecodable", f"the {timeline.codec} stream: {words}") from error
