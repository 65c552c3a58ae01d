"""Which stretch of a video a question looks at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from videossr.errors import Unsuitable
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from videossr.config import VideoConfig
    from videossr.video_table import VideoRow

#: A last frame that is late by this share of a gap, by floating point arithmetic alone, counts.
_ROUNDING: Final = 1e-6


class Window(NamedTuple):
    """`frames` frames wanted, evenly from `start` to `stop`, both in seconds and both included."""

    start: float
    stop: float
    frames: int


def window_of(video: VideoRow, config: VideoConfig, seed: int, task: str, index: int) -> Window:
    """The window of one question.

    Without `spacing` it is the whole video, less what is trimmed: `num_frames` frames, or fewer where
    `fps` asks for fewer. With it, a spacing that fits is drawn and a place for the window;
    `windows_per_video` limits the draws of one video, so that questions share a decode.

    Args:
        seed: the run's root seed.
        task, index: which question of which task.

    Raises:
        Unsuitable: the video is shorter than any window.
    """
    margin = config.trim * (video.last - video.first)
    first, last = video.first + margin, video.last - margin
    length = last - first
    if config.spacing is None:
        if config.fps is not None and (frames := _within(length, config.fps)) < config.num_frames:
            return Window(first, first + (frames - 1) / config.fps, frames)
        return Window(first, last, config.num_frames)
    fitting = [step for step in config.spacing if step * (config.num_frames - 1) <= length]
    if not fitting:
        needed = min(config.spacing) * (config.num_frames - 1)
        raise Unsuitable(f"shorter than a window of {needed:g} s")
    if config.windows_per_video is None:
        rng = rng_for(seed, "window", video.hash, task, index)
    else:
        which = rng_for(seed, "which window", video.hash, task, index).random()
        rng = rng_for(seed, "window", video.hash, int(which * config.windows_per_video))
    step = fitting[int(rng.random() * len(fitting))]
    span = step * (config.num_frames - 1)
    start = first + rng.random() * (length - span)
    return Window(start, start + span, config.num_frames)


def _within(length: float, fps: float) -> int:
    """How many frames this many a second fit into so many seconds, the first and the last included."""
    return math.floor(length * fps + _ROUNDING) + 1


def too_few(fewest: int) -> str:
    """Why a video is too short for a clip."""
    return f"fewer than video.min_frames={fewest} frames in the window"
