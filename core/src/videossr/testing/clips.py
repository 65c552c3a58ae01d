"""Textured clips in motion, made by code: what the checks show to plugins.

Whole numbers throughout, so that every process makes the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn.functional import interpolate

from videossr.clip import Clip
from videossr.footage import Footage
from videossr.video.sampling import target_times

if TYPE_CHECKING:
    from torch import Tensor

#: How many clips there are; each has a picture, a motion and a timeline of its own.
CLIPS: Final = 3

FRAMES: Final = 48
SIDE: Final = 64  # pixels

#: The clips in words, for a task that none of them suits.
IN_WORDS: Final = f"{CLIPS} clips of {FRAMES} frames, {SIDE} x {SIDE} pixels, 9.6 to 15.8 s long"

#: Frames of a source for each one of its clip, and how many times as long it goes on.
_DENSER: Final = 8
_LONGER: Final = 8

_CELL: Final = 8  # pixels that a coarse blob measures
_SQUARE: Final = 12  # pixels a side


def textured(number: int, frames: int = FRAMES, height: int = SIDE, width: int = SIDE) -> Clip:
    """A new copy of one of the clips: blobs and fine noise that slide, and a square that crosses them.

    Args:
        number: which one, from 0.
        frames: how many.
        height: in pixels.
        width: in pixels.
    """
    return Clip(_frames(number, frames, height, width).clone(), timeline(number, frames))


def timeline(number: int, frames: int = FRAMES) -> Tensor:
    """The times of a clip: float64 [frames], seconds.

    The first are even and start at zero, the second are uneven and start later, as those of a stretch
    from the middle of a video do, the third are of a frame rate that no decimal writes.
    """
    counted = torch.arange(frames, dtype=torch.float64)
    match number % CLIPS:
        case 0:
            return counted * 0.25
        case 1:
            return 3.137 + counted * 0.31 + 0.1 * (counted % 3)
        case _:
            return counted * 6 / 29.97


def footage(number: int, frames: int = FRAMES, height: int = SIDE, width: int = SIDE) -> Footage:
    """The footage of one of the clips, arguments as for `textured`.

    The video has eight frames for each one of the clip's and goes on after it, to and fro, for seven
    times its length. The other video is that of the next clip.
    """
    own, other = (_Source(one, frames, height, width) for one in (number, number + 1))
    return Footage(own, other)


@dataclass(frozen=True, slots=True)
class _Source:
    number: int
    frames: int
    height: int
    width: int

    @property
    def first(self) -> float:
        return float(timeline(self.number)[0])

    @property
    def last(self) -> float:
        return self._time(_DENSER * _LONGER * self.frames)

    def take(self, start: float, stop: float, frames: int) -> Clip:
        end = _DENSER * _LONGER * self.frames
        # Where a time is on an even scale of frames, the timeline being uneven.
        scale = timeline(self.number, _LONGER * self.frames + 2).numpy()
        places = np.interp(target_times(start, stop, frames), scale, np.arange(len(scale)))
        steps = sorted({min(end, int(place * _DENSER + 1e-3)) for place in places})
        pictures = _frames(self.number, self.frames, self.height, self.width)
        turn = max(1, 2 * _DENSER * (self.frames - 1))  # there and back
        there = torch.tensor([min(step % turn, turn - step % turn) for step in steps])
        before, share = there // _DENSER, (there % _DENSER)[:, None, None, None]
        after = (before + 1).clamp(max=self.frames - 1)
        # Between two frames of the clip the one fades into the other.
        faded = (_DENSER - share) * pictures[before].int() + share * pictures[after].int()
        times = torch.tensor([self._time(step) for step in steps], dtype=torch.float64)
        return Clip(((faded + _DENSER // 2) // _DENSER).to(torch.uint8), times)

    def _time(self, step: int) -> float:
        frame, part = divmod(step, _DENSER)
        here, there = timeline(self.number, frame + 2)[frame:].tolist()
        return float(here + part / _DENSER * (there - here))


@lru_cache(maxsize=16)
def _frames(number: int, frames: int, height: int, width: int) -> Tensor:
    dice = torch.Generator().manual_seed(1 + number)
    # As much larger than a frame as the view moves, a pixel from frame to frame.
    tall, wide = height + frames, width + frames
    cells = (1, 3, tall // _CELL + 2, wide // _CELL + 2)
    coarse = torch.randint(0, 192, cells, generator=dice, dtype=torch.uint8)
    field = interpolate(coarse, size=(tall, wide), mode="bilinear", antialias=True)[0]
    field += torch.randint(0, 64, field.shape, generator=dice, dtype=torch.uint8)
    if number % 2:
        field = field.flip(2)
    views = [field[:, shift : shift + height, shift : shift + width] for shift in range(frames)]
    drawn = torch.stack(views)
    colour = torch.tensor([(250, 40, 40), (40, 250, 60), (60, 60, 250)][number % 3])
    for shift, picture in enumerate(drawn):
        top, left = shift % max(1, height - _SQUARE), 2 * shift % max(1, width - _SQUARE)
        picture[:, top : top + _SQUARE, left : left + _SQUARE] = colour[:, None, None]
    return drawn
