"""Where shapes go: on which frames, in which places, and in colours that stand out there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from videossr.draw import shuffled, uniform, whole
from videossr_counting.shapes import COLORS, MARGIN, Color, Kind, Shape, inside_and_around

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from torch import Tensor

#: Of the pixels just around a shape, how many in ten have to differ from it.
RING_TENTHS: Final = 9

_PLACES: Final = 60  # tried for a shape before the frame is begun anew
_RESTARTS: Final = 4  # of a frame before it gets fewer shapes than drawn
_DRAWS: Final = 64  # of frames at one gap, or of a colour


@dataclass(frozen=True, slots=True)
class Look:
    """What shapes look like at one difficulty.

    Attributes:
        min_size, max_size: across the circle around a shape, in short sides of the frame.
        max_angle: in degrees.
        min_contrast: in grey levels of 255, the mean of the three channels.
        colors: any that stands out, or the kind's own.
    """

    min_size: float
    max_size: float
    max_angle: float
    min_contrast: float
    colors: Literal["random", "by_kind"]


@dataclass(frozen=True, slots=True)
class Ground:
    """The part of a picture that a shape would lie on, all in whole numbers.

    So neither the order of a sum nor a processor's rounding can tip a comparison.

    Attributes:
        total: red, green and blue of the pixels that are mostly covered, summed.
        pixels: how many these are.
        ring: int32 [3, N], the pixels just around the outline.
    """

    total: Color
    pixels: int
    ring: Tensor

    @classmethod
    def under(cls, picture: Tensor, shape: Shape) -> Ground:
        """What lies under and around a shape on a picture, uint8 [3, H, W]."""
        (rows, columns), inside, around = inside_and_around(shape)
        patch = picture[:, rows, columns].int()
        red, green, blue = (int(total) for total in patch[:, inside].sum(1))
        return cls((red, green, blue), int(inside.sum()), patch[:, around])

    def shows(self, color: Color, min_contrast: float) -> bool:
        """Whether a shape of that colour can be seen here.

        It differs from the average of what it covers by `min_contrast`, as the mean of the three channels,
        and by half of that from nine tenths of the pixels in the ring just around it: there its outline
        can be told from the picture, even where the picture is that colour farther away.
        """
        apart = sum(
            abs(level * self.pixels - total) for level, total in zip(color, self.total, strict=True)
        )
        if apart < 3 * min_contrast * self.pixels:
            return False
        differences = (self.ring - self.ring.new_tensor(color)[:, None]).abs().sum(0)
        told = int((2 * differences >= 3 * min_contrast).sum())
        return 10 * told >= RING_TENTHS * differences.numel()

    def opposite(self) -> Color:
        """Of black and white in each channel the one that is farther from the average: 127.5 at least."""
        red, green, blue = (0 if 2 * total > 255 * self.pixels else 255 for total in self.total)
        return red, green, blue


def spaced_frames(
    frames: int, number: int, gap: int, taken: set[int], rng: random.Random
) -> list[int]:
    """Frames that are not taken, `gap` apart or, where none such are found, as far as is found to fit."""
    for spacing in range(gap, 1, -1):
        # Leaving out the frames that the gaps use up makes any choice from the rest a spaced one.
        room = frames - (number - 1) * (spacing - 1)
        for _ in range(_DRAWS if room >= number else 0):
            places = sorted(shuffled(rng, range(room))[:number])
            chosen = [place + i * (spacing - 1) for i, place in enumerate(places)]
            if taken.isdisjoint(chosen):
                return chosen
    return sorted(shuffled(rng, sorted(set(range(frames)) - taken))[:number])


def draw_color(kind: Kind, ground: Ground, look: Look, rng: random.Random) -> Color | None:
    """A colour that can be seen on this ground; None where the kind's own, or any that was tried, can't."""
    if look.colors == "by_kind":
        return COLORS[kind] if ground.shows(COLORS[kind], look.min_contrast) else None
    for _ in range(_DRAWS):
        color = whole(rng, 0, 255), whole(rng, 0, 255), whole(rng, 0, 255)
        if ground.shows(color, look.min_contrast):
            return color
    opposite = ground.opposite()
    return opposite if ground.shows(opposite, look.min_contrast) else None


def fit(
    picture: Tensor,
    frame: int,
    kind: Kind,
    others: Sequence[Shape],
    *,
    look: Look,
    rng: random.Random,
) -> Shape | None:
    """Draw a shape that is clear of the others, smaller with each place that fails; None if none fits."""
    height, width = picture.shape[1:]
    short = min(height, width)
    size = uniform(rng, look.min_size, look.max_size)
    angle = round(uniform(rng, 0, look.max_angle), 1)
    for _ in range(_PLACES):
        radius = round(size * short / 2, 2)
        reach = radius + MARGIN
        size = max(look.min_size, 0.95 * size)
        if 2 * reach > short:
            continue
        x = round(uniform(rng, reach, width - reach), 2)
        y = round(uniform(rng, reach, height - reach), 2)
        if any(math.hypot(x - o.x, y - o.y) < reach + o.radius + MARGIN for o in others):
            continue
        shape = Shape(frame, kind, x, y, radius, angle, (0, 0, 0))
        color = draw_color(kind, Ground.under(picture, shape), look, rng)
        if color is not None:
            return replace(shape, color=color)
    return None


def fill(
    picture: Tensor, frame: int, kind: Kind, number: int, *, look: Look, rng: random.Random
) -> list[Shape]:
    """Draw shapes for one frame: as many as asked for, or the most that were found to fit."""
    fullest: list[Shape] = []
    for _ in range(_RESTARTS):
        shapes: list[Shape] = []
        while len(shapes) < number:
            shape = fit(picture, frame, kind, shapes, look=look, rng=rng)
            if shape is None:
                break
            shapes.append(shape)
        fullest = max(fullest, shapes, key=len)
        if len(fullest) == number:
            break
    return fullest
