"""A stretch of video in memory: frames and the times at which they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Segment(NamedTuple):
    """A half-open range of frame numbers, `start` included and `stop` not."""

    start: int
    stop: int

    @property
    def indices(self) -> slice:
        """The range as an index into frames or times."""
        return slice(self.start, self.stop)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Frames with their real presentation times.

    Args:
        frames: uint8 [T, 3, H, W], RGB, T at least 1.
        times: float64 [T], seconds, strictly increasing.

    Raises:
        ValueError: a dtype, shape or order other than these.
    """

    frames: Tensor
    times: Tensor

    def __post_init__(self) -> None:
        frames, times = self.frames, self.times
        if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3:  # noqa: PLR2004
            raise ValueError(
                f"frames: {frames.dtype} {list(frames.shape)}; must be torch.uint8 [T, 3, H, W]"
            )
        if times.dtype != torch.float64 or times.shape != frames.shape[:1]:
            raise ValueError(
                f"times: {times.dtype} {list(times.shape)}; "
                f"must be torch.float64 [{len(frames)}], one for each frame"
            )
        if not len(times) or not bool((times.diff() > 0).all()):
            raise ValueError(f"times: {times.tolist()}; must be strictly increasing seconds")

    def __len__(self) -> int:
        return len(self.frames)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Clip)
            and torch.equal(self.frames, other.frames)
            and torch.equal(self.times, other.times)
        )

    __hash__ = None  # type: ignore[assignment] # equal by content, which may be large

    @property
    def height(self) -> int:
        """Height of the frames in pixels."""
        return int(self.frames.shape[2])

    @property
    def width(self) -> int:
        """Width of the frames in pixels."""
        return int(self.frames.shape[3])

    def cut(self, segment: Segment) -> Clip:
        """The frames of a segment, on the same timeline. Shares memory with this clip."""
        return Clip(self.frames[segment.indices], self.times[segment.indices])

    def rebased(self) -> Clip:
        """The same frames on a timeline that starts at zero."""
        return Clip(self.frames, self.times - self.times[0])

    def with_frames(self, frames: Tensor) -> Self:
        """Other frames at the same times."""
        return type(self)(frames, self.times)

    def splice(self, segment: Segment, frames: Tensor) -> Clip:
        """A copy in which `frames`, uint8 [t, 3, H, W], stand in the place of the segment's.

        Every pixel outside the segment stays as it is, to the bit.
        """
        spliced = self.frames.clone()
        spliced[segment.indices] = frames
        return Clip(spliced, self.times)
