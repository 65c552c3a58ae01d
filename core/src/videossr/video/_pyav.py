"""Frames by PyAV, whose wheel carries its own FFmpeg."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from videossr.video.picture import Picture
from videossr.video.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.video.frame import VideoFrame

    from videossr.video.timeline import Timeline


def pictures(path: Path | str, timeline: Timeline, wanted: Sequence[int]) -> Iterator[Picture]:
    """The wanted frames, each one, in order.

    Args:
        path: the video file.
        timeline: as `read_timeline` gives it.
        wanted: frame numbers on the timeline, strictly increasing.

    Raises:
        VideoError: as `walk` says.
    """
    reformatter = VideoReformatter()
    times = timeline.times[list(wanted)].tolist()
    for time, frame in zip(times, walk(path, timeline, wanted), strict=False):
        rotation = round(frame.rotation / 90) * 90
        yield Picture(_rgb(reformatter, frame), time, rotation, rotation // 90)


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
