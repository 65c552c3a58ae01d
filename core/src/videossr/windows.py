"""Which stretch of a video a question looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from videossr.errors import Unsuitable
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from videossr.config import VideoConfig
    from videossr.video_table import VideoRow


class Window(NamedTuple):
    """Frames wanted evenly from `start` to `stop`, both in seconds and both included."""

    start: float
    stop: float


def window_of(video: VideoRow, config: VideoConfig, seed: int, task: str, index: int) -> Window:
    """The window of one question.

    Without `spacing` it is the whole video. With it, a spacing that fits is drawn and a place for the
    window; `windows_per_video` limits the draws of one video, so that questions share a decode.

    Args:
        seed: the run's root seed.
        task, index: which question of which task.

    Raises:
        Unsuitable: the video is shorter than any window.
    """
    if config.spacing is None:
        return Window(video.first, video.last)
    length = video.last - video.first
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
    start = video.first + rng.random() * (length - span)
    return Window(start, start + span)
