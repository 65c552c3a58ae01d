"""What a perturbation can show besides its segment: the video at other moments, and another video.

A segment has a few frames of a video, seconds apart. To play it faster or slower takes frames from
elsewhere on the timeline, and to cut to another scene takes another video. Both are there for those
that ask: nothing is decoded before.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from videossr.clip import Clip

#: The footage of the sample that is being made: a task calls its perturbations without a word of it.
_around: Final[ContextVar[Footage | None]] = ContextVar("_around", default=None)

#: Frames a second of generated noise: more than any perturbation asks for, and exact in binary.
_NOISE_FPS: Final = 1024

#: Seconds of generated noise to either side of a clip: room for any stretch.
_NOISE_ROOM_S: Final = 3600.0


class Source(Protocol):
    """A video of which frames can be had at any time."""

    @property
    def first(self) -> float:
        """The time of the first frame, in seconds on the video's own clock."""
        ...

    @property
    def last(self) -> float:
        """The time of the last frame, in seconds on the video's own clock."""
        ...

    def take(self, start: float, stop: float, frames: int) -> Clip:
        """The frames on screen at `frames` times, evenly from `start` to `stop`, both included.

        A frame that is on screen at two of them comes once, so the clip may be shorter. Before the
        first frame the first is on screen, after the last the last. The frames are scaled as those of
        the question's clip are; of another video they may have another shape. They are shared: not to
        be written to.

        Raises:
            VideoError: the video cannot be decoded, or is another than was scanned.
            ValueError: `stop` is before `start`, a time is not finite, or no frame is asked for.
        """
        ...


@dataclass(frozen=True, slots=True)
class Footage:
    """The videos that a perturbation may take frames from.

    Attributes:
        own: the video that the clip is from, on the same clock as the clip's times.
        other: another video, with other content and a clock of its own; None where there is none.
    """

    own: Source
    other: Source | None = None

    @classmethod
    def of(cls, clip: Clip) -> Footage:
        """The footage of a clip of which nothing else is known: its own frames, and no other video."""
        return cls(ClipSource(clip))

    @classmethod
    def noise(cls, times: Tensor, size: tuple[int, int], seed: int) -> Footage:
        """Noise at any time asked for, and other noise for the other video, for clips of no file.

        Args:
            times: float64 [T], seconds; an hour to either side is covered.
            size: height and width in pixels.
            seed: the same one gives the same noise.
        """
        first, last = float(times[0]) - _NOISE_ROOM_S, float(times[-1]) + _NOISE_ROOM_S
        own, other = (Noise(first, last, size, (seed, which)) for which in ("own", "other"))
        return cls(own, other)


@dataclass(frozen=True, slots=True)
class ClipSource:
    """The frames of a clip, as a source."""

    clip: Clip

    @property
    def first(self) -> float:
        """The time of the clip's first frame."""
        return float(self.clip.times[0])

    @property
    def last(self) -> float:
        """The time of the clip's last frame."""
        return float(self.clip.times[-1])

    def take(self, start: float, stop: float, frames: int) -> Clip:
        """As `Source.take`."""
        from videossr.clip import Clip  # noqa: PLC0415 - torch is no part of a light import
        from videossr.video.sampling import frames_on_screen, target_times  # noqa: PLC0415

        shown = frames_on_screen(self.clip.times.numpy(), target_times(start, stop, frames))
        return Clip(self.clip.frames[shown], self.clip.times[shown])


@dataclass(frozen=True, slots=True)
class Noise:
    """A video of noise, each frame another; a frame depends on `key` and its time alone.

    Attributes:
        size: height and width in pixels.
    """

    first: float
    last: float
    size: tuple[int, int]
    key: tuple[str | int, ...]

    def take(self, start: float, stop: float, frames: int) -> Clip:
        """As `Source.take`."""
        import torch  # noqa: PLC0415 - torch is no part of a light import

        from videossr.clip import Clip  # noqa: PLC0415
        from videossr.seeds import derive_seed  # noqa: PLC0415

        ticks = ticks_on_screen(start, stop, frames, _NOISE_FPS)
        shown = torch.empty((len(ticks), 3, *self.size), dtype=torch.uint8)
        for frame, tick in zip(shown, ticks, strict=True):
            dice = torch.Generator().manual_seed(
                derive_seed("generated frame", *self.key, tick) >> 1
            )
            torch.randint(0, 256, frame.shape, generator=dice, dtype=torch.uint8, out=frame)
        return Clip(shown, torch.tensor(ticks, dtype=torch.float64) / _NOISE_FPS)


def ticks_on_screen(start: float, stop: float, frames: int, fps: int) -> Sequence[int]:
    """The frames on screen, each once, of a video of so many frames a second; frame 0 is at zero."""
    from math import floor  # noqa: PLC0415

    from videossr.video.sampling import EPSILON, target_times  # noqa: PLC0415

    return sorted({floor((time + EPSILON) * fps) for time in target_times(start, stop, frames)})


@contextmanager
def around(footage: Footage) -> Iterator[None]:
    """Give the perturbations that are applied in here this footage, unless they are given their own."""
    token = _around.set(footage)
    try:
        yield
    finally:
        _around.reset(token)


def footage_around() -> Footage | None:
    """The footage of the sample that is being made, None outside of that."""
    return _around.get()
