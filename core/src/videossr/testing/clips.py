"""Textured clips in motion, made by code: what the checks show to plugins.

Whole numbers throughout, so that every process makes the same bytes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import torch
from torch.nn.functional import interpolate

from videossr.clip import Clip

if TYPE_CHECKING:
    from torch import Tensor

#: How many clips there are; each has a picture, a motion and a timeline of its own.
CLIPS: Final = 3

FRAMES: Final = 48
SIDE: Final = 64  # pixels

#: The clips in words, for a task that none of them suits.
IN_WORDS: Final = f"{CLIPS} clips of {FRAMES} frames, {SIDE} x {SIDE} pixels, 9.6 to 15.8 s long"

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
