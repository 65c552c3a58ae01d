"""Contact sheets: some frames of a clip as small pictures, with what is marked on them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.marks import Box, Mark

#: Frames on the sheet of a sample's only clip, and of one of several.
FRAMES: Final = 16
FRAMES_OF_SEVERAL: Final = 4

#: Marked frames that are always on it.
_MOST_MARKED: Final = 48

#: Longer side of a small picture in pixels: about twice as many as it is shown with.
_SIDE: Final = 192
_SIDE_OF_SEVERAL: Final = 144

#: JPEG's quality of pictures.
_QUALITY: Final = 82


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mark as the page draws it.

    Attributes:
        colour: as CSS has it.
        box: in pixels of the clip; None for all of the picture.
    """

    label: str
    colour: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class Still:
    """One frame on the sheet.

    Attributes:
        picture: a JPEG as a data URI.
        number: of the frame in its clip.
        time: on the clip's own timeline, in seconds.
        at: seconds from the clip's start, where the player has it.
        marks: what is marked on it.
    """

    picture: str
    number: int
    time: float
    at: float
    marks: Sequence[Drawn]

    @property
    def framed(self) -> str:
        """The colour of the first mark that is for all of the picture, or nothing."""
        return next((mark.colour for mark in self.marks if mark.box is None), "")


def sheet_of(
    clip: Clip, marks: Sequence[Mark], colours: Sequence[str], *, several: bool
) -> list[Still]:
    """The contact sheet of a clip.

    Args:
        marks: those of this clip.
        colours: one for each mark.
        several: whether it is one of several clips, with less room for each.
    """
    frames, side = (FRAMES_OF_SEVERAL, _SIDE_OF_SEVERAL) if several else (FRAMES, _SIDE)
    times = clip.times.tolist()
    borders = {border for mark in marks for border in (mark.start, mark.stop - 1)}
    return [
        Still(
            picture=jpeg(clip.frames[number], side),
            number=number,
            time=times[number],
            at=times[number] - times[0],
            marks=[
                Drawn(mark.label, colour, mark.box)
                for mark, colour in zip(marks, colours, strict=True)
                if mark.start <= number < mark.stop
            ],
        )
        for number in frames_shown(len(clip), borders, frames)
    ]


def frames_shown(frames: int, marked: Collection[int], wanted: int) -> list[int]:
    """Frames of a clip for its sheet: the marked ones, the ends, and others in the widest gaps.

    Args:
        frames: how many the clip has.
        marked: frame numbers that have to be there; of more than 48, some.
        wanted: how many are shown, unless more are marked.
    """
    must = sorted(marked)
    shown = {0, frames - 1, *must[:: -(-len(must) // _MOST_MARKED) or 1]}
    while len(shown) < min(wanted, frames):
        ordered = sorted(shown)
        start, stop = max(pairwise(ordered), key=lambda gap: (gap[1] - gap[0], -gap[0]))
        shown.add((start + stop) // 2)
    return sorted(shown)


def jpeg(frame: Tensor, side: int | None = None) -> str:
    """A frame, uint8 [3, H, W], as a data URI; larger ones are reduced to that longer side."""
    picture = Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy())
    if side is not None:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return data_uri("image/jpeg", buffer.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """Content as an address of its own."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
