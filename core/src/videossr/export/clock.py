"""Times of frames for readers who count them from zero, at a constant rate.

What a question asks about time is meant by the frames' own times. A reader who is off by more than is
seen in the tenths that prompts are written in is told the times in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from videossr.clip import Clip

#: Seconds by which a frame may be elsewhere, half of what is written.
_SEEN: Final = 0.05


def mean_rate(clip: Clip) -> float:
    """Frames a second that put the first and the last frame in their places; 1 for a single frame."""
    if len(clip) == 1:
        return 1.0
    return (len(clip) - 1) / float(clip.times[-1] - clip.times[0])


def file_rate(clip: Clip) -> float:
    """The mean rate that a video file of the clip has, whose last frame lasts as long as the one before."""
    if len(clip) == 1:
        return 1.0
    first, before, last = (float(clip.times[number]) for number in (0, -2, -1))
    return len(clip) / (last - first + last - before)


def late(clip: Clip) -> list[str]:
    """What has to be said of a clip whose first frame is not at zero."""
    first = float(clip.times[0])
    return [f"(This video begins at second {first:.1f}.)"] if abs(first) > _SEEN else []


def told(clip: Clip, rate: float) -> list[str]:
    """What has to be said of a clip to a reader who counts its frames from zero at a rate."""
    times = clip.times.tolist()
    even = [times[0] + number / rate for number in range(len(times))]
    if all(abs(one - other) <= _SEEN for one, other in zip(times, even, strict=True)):
        return late(clip)
    listed = ", ".join(f"{time:.1f}" for time in times)
    return [f"(The frames of this video are at seconds {listed}.)"]
