"""The shapes: which kinds there are, what they cover of a picture, and what lies just around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

Kind = Literal["circle", "square", "triangle", "pentagon", "star", "rectangle"]
Color = tuple[int, int, int]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

#: One saturated colour for each kind, so that a tiny model can count colours instead of outlines.
COLORS: Final[Mapping[Kind, Color]] = {
    "circle": (255, 0, 0),
    "square": (0, 255, 0),
    "triangle": (0, 0, 255),
    "pentagon": (255, 255, 0),
    "star": (255, 0, 255),
    "rectangle": (0, 255, 255),
}

#: Pixels across, at least; smaller shapes look alike, those with more corners first.
LEAST_PIXELS: Final[Mapping[Kind, int]] = {
    "circle": 6,
    "square": 6,
    "triangle": 6,
    "pentagon": 12,
    "star": 10,
    "rectangle": 8,
}

#: Pixels kept free around a shape, so that neighbours never touch, smooth edges included: the edge of a
#: star ends half a pixel from the two sides of a point, which is 0.5 / sin 18 degrees = 1.6 from the point.
MARGIN: Final = 2.0

#: How far around a shape is looked at: no pixel beyond it is touched by one. Less than the margin, or a
#: rounding error would make a shape that lies at the border look past it.
REACH: Final = 1.75

#: How many pixels wide the ring around an outline is that a shape has to be told from.
RING: Final = 2.0

#: How many sides a regular polygon has.
_SIDES: Final[Mapping[Kind, int]] = {"square": 4, "triangle": 3, "pentagon": 5}

_POINTS: Final = 5  # of a star
_LENGTH: Final = 2  # of a rectangle, in widths


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape on one frame.

    Attributes:
        frame: its number in the clip.
        x, y: the centre in pixels; the first pixel reaches from 0 to 1.
        radius: of the circle around the shape, in pixels.
        angle: from the right to where an edge faces, clockwise, in degrees; of a star, to where it points,
            and of a rectangle, to where a short edge faces.
        color: red, green and blue, 0 to 255.
    """

    frame: int
    kind: Kind
    x: float
    y: float
    radius: float
    angle: float
    color: Color


def coverage(shape: Shape) -> tuple[tuple[slice, slice], Tensor]:
    """The rows and columns around a shape, and how much of each pixel there it covers.

    From the distance of a pixel's centre to the outline: an edge one pixel wide.

    Returns:
        Slices, and float64 [rows, columns] in [0, 1].
    """
    place, distance, _ = _distances(shape)
    return place, (0.5 - distance).clamp(0, 1)


def inside_and_around(shape: Shape) -> tuple[tuple[slice, slice], Tensor, Tensor]:
    """The rows and columns around a shape, the pixels mostly covered by it, and those of the ring around it.

    The ring begins where nothing is covered and is `RING` pixels wide, but ends at the reach.

    Returns:
        Slices, and two masks, bool [rows, columns], that share no pixel.
    """
    place, distance, from_centre = _distances(shape)
    near = (distance < 0.5 + RING) & (from_centre <= shape.radius + REACH)
    return place, 0.5 - distance > 0.5, (distance >= 0.5) & near  # noqa: PLR2004 - as `coverage` has it


def paint(frames: Tensor, shapes: Sequence[Shape]) -> Tensor:
    """A copy of frames, uint8 [T, 3, H, W], with the shapes on them."""
    painted = frames.clone()
    for shape in shapes:
        (rows, columns), share = coverage(shape)
        patch = painted[shape.frame, :, rows, columns]
        color = share.new_tensor(shape.color)[:, None, None]
        patch.copy_((patch + (color - patch) * share).round())
    return painted


def _distances(shape: Shape) -> tuple[tuple[slice, slice], Tensor, Tensor]:
    """How far the pixels' centres are from the outline, negative inside, and from the centre of the shape.

    Beside an edge that is the distance to it; beyond a corner it is that to the farther of the two edges'
    lines, which keeps corners sharp. The outline, where it is zero, is exact.
    """
    import torch  # noqa: PLC0415 - torch is no part of a light import

    reach = shape.radius + REACH
    top, left = math.floor(shape.y - reach), math.floor(shape.x - reach)
    bottom, right = math.ceil(shape.y + reach), math.ceil(shape.x + reach)
    y = (torch.arange(top, bottom, dtype=torch.float64) + (0.5 - shape.y))[:, None]
    x = (torch.arange(left, right, dtype=torch.float64) + (0.5 - shape.x))[None, :]

    def along(degrees: float) -> Tensor:
        """How far a pixel is from the centre of the shape in a direction."""
        normal = math.radians(shape.angle + degrees)
        return x * math.cos(normal) + y * math.sin(normal)

    from_centre = (x * x + y * y).sqrt()
    if shape.kind == "circle":
        distance = from_centre - shape.radius
    elif shape.kind == "rectangle":
        # corners on the circle: a length of 2 widths makes a diagonal of sqrt 5 widths
        half_width = shape.radius / math.hypot(1, _LENGTH)
        long, wide = along(0).abs() - _LENGTH * half_width, along(90).abs() - half_width
        distance = torch.maximum(long, wide)
    elif shape.kind == "star":
        # Its edges lie on the five lines of a pentagram. Within the points one is outside of a single
        # line, and farther out of two at least.
        lines = [along(360 * line / _POINTS) for line in range(_POINTS)]
        distance = torch.stack(lines).sort(0).values[-2]
        distance -= shape.radius * math.cos(2 * math.pi / _POINTS)
    else:
        # a regular polygon is where one is inside of every edge
        sides = _SIDES[shape.kind]
        edges = [along(360 * edge / sides) for edge in range(sides)]
        distance = torch.stack(edges).amax(0) - shape.radius * math.cos(math.pi / sides)
    return (slice(top, bottom), slice(left, right)), distance, from_centre
