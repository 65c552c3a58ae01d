"""Backgrounds and coloured shapes, as pictures of their own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from videossr.procedural.dice import Dice

# A sprite's square reaches a little over the unit radius of the largest shape, so that edges blend.
SPRITE_REACH = 1.15

# Hues whose red and blue differ most; between them lie greens and purples, where they don't.
_WARM = (-25.0, 55.0)
_COOL = (175.0, 250.0)
_ANY = (0.0, 360.0)


class Grid(NamedTuple):
    """Where the pixels of a texture lie: x and y, float32 [h, w], in units."""

    x: Tensor
    y: Tensor

    @classmethod
    def over(cls, half_height: float, half_width: float, height: int, width: int) -> Grid:
        """The centres of height x width pixels that tile a rectangle around the origin."""
        y = ((torch.arange(height) + 0.5) / height * 2 - 1) * half_height
        x = ((torch.arange(width) + 0.5) / width * 2 - 1) * half_width
        return cls(*torch.meshgrid(x, y, indexing="xy"))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.x.shape
        return height, width

    def along(self, angle: float) -> Tensor:
        """The coordinate along a direction, in radians clockwise from x."""
        return self.x * math.cos(angle) + self.y * math.sin(angle)


def _clouds(grid: Grid, dice: Dice) -> Tensor:
    return dice.noise(*grid.shape, cells=dice.numbers.randint(3, 6), octaves=4)


def _waves(grid: Grid, dice: Dice) -> Tensor:
    bend = dice.noise(*grid.shape, cells=3, octaves=2) * dice.between(0.5, 4.0)
    phase = grid.along(dice.between(0, math.pi)) * dice.between(5, 14) + bend
    return phase.sin() * 0.5 + 0.5


def _checks(grid: Grid, dice: Dice) -> Tensor:
    angle, pitch = dice.between(0, math.pi / 2), dice.between(4, 9)
    waves = (grid.along(angle) * pitch).sin() * (grid.along(angle + math.pi / 2) * pitch).sin()
    uneven = dice.noise(*grid.shape, cells=3, octaves=3)
    return 0.7 * ((waves * 6).tanh() * 0.5 + 0.5) + 0.3 * uneven


def _rings(grid: Grid, dice: Dice) -> Tensor:
    bend = dice.noise(*grid.shape, cells=3, octaves=2) * dice.between(0.5, 3.0)
    distance = torch.hypot(grid.x - dice.between(-1.5, 1.5), grid.y - dice.between(-1.5, 1.5))
    return (distance * dice.between(5, 11) + bend).sin() * 0.5 + 0.5


def _facets(grid: Grid, dice: Dice) -> Tensor:
    count = 40
    reach = torch.stack([grid.x[0, -1], grid.y[-1, 0]])
    seeds = (torch.rand(count, 2, generator=dice.fields) * 2 - 1) * reach
    pixels = torch.stack([grid.x.flatten(), grid.y.flatten()], dim=1)
    # Without the matrix product, whose rounding depends on the number of threads.
    distances = torch.cdist(pixels, seeds, compute_mode="donot_use_mm_for_euclid_dist")
    nearest = distances.argmin(dim=1).view(grid.shape)
    shades = torch.rand(count, generator=dice.fields)
    return 0.8 * shades[nearest] + 0.2 * dice.noise(*grid.shape, cells=6, octaves=3)


def _slope(grid: Grid, dice: Dice) -> Tensor:
    ramp = grid.along(dice.between(0, math.tau)) * 0.3 + 0.5
    return (0.6 * ramp + 0.4 * dice.noise(*grid.shape, cells=5, octaves=4)).clamp(0, 1)


def _dots(grid: Grid, dice: Dice) -> Tensor:
    angle, pitch = dice.between(0, math.pi / 2), dice.between(5, 9)
    waves = (grid.along(angle) * pitch).cos() + (grid.along(angle + math.pi / 2) * pitch).cos()
    return ((waves - 0.5) * 4).sigmoid()


_BACKGROUNDS = (_clouds, _waves, _checks, _rings, _facets, _slope)
_COATS = (_clouds, _waves, _checks, _dots)


def _paint(values: Tensor, palette: Sequence[Tensor]) -> Tensor:
    """Values [h, w] in 0..1 as colours [3, h, w], in straight lines through a palette."""
    colours = torch.stack(list(palette))
    place = values * (len(palette) - 1)
    lower = place.long().clamp(0, len(palette) - 2)
    painted = torch.lerp(colours[lower], colours[lower + 1], (place - lower).unsqueeze(-1))
    return painted.permute(2, 0, 1)


def _palette(hues: tuple[float, float], dice: Dice) -> list[Tensor]:
    """Three colours [3] of one family, one of them at times of any other; all unlike in brightness."""
    families = [hues, hues, _ANY if dice.chance(0.25) else hues]
    brightness = [(0.4, 0.6), (0.6, 0.8), (0.8, 1.0)]
    dice.numbers.shuffle(families)
    dice.numbers.shuffle(brightness)
    return [dice.colour(*both) for both in zip(families, brightness, strict=True)]


def background(grid: Grid, dice: Dice) -> Tensor:
    """A background, float32 [3, h, w] in 0..1."""
    # A grain over everything: without it a slow camera over a plain sky would show nothing.
    grain = dice.noise(*grid.shape, cells=16, octaves=2)
    values = torch.lerp(dice.numbers.choice(_BACKGROUNDS)(grid, dice), grain, 0.2)
    cool, warm = _palette(_COOL, dice), _palette(_WARM, dice)
    # From the upper left to the lower right, give or take: 90 degrees is straight down.
    down = grid.along(math.radians(dice.numbers.gauss(65, 30)))
    ragged = dice.noise(*grid.shape, cells=4, octaves=3) - 0.5
    # Some places are all sky or all ground.
    horizon = dice.numbers.choice((-3.0, 3.0)) if dice.chance(0.25) else dice.between(-0.4, 0.4)
    ground = ((down - horizon + 1.2 * ragged) * dice.between(3, 9)).sigmoid()
    light = 1 - 0.18 * (down * 0.6).clamp(-1, 1)
    return (torch.lerp(_paint(values, cool), _paint(values, warm), ground) * light).clamp(0, 1)


def _outline(grid: Grid, dice: Dice) -> Tensor:
    """Signed distance [h, w] to the edge of a shape about one unit in radius; negative inside."""
    kind = dice.numbers.choice(("disc", "rectangle", "polygon"))
    if kind == "disc":
        return torch.hypot(grid.x, grid.y * dice.between(1.0, 1.5)) - 1
    if kind == "rectangle":
        half_width, half_height = dice.between(0.6, 0.8), dice.between(0.35, 0.7)
        corner = dice.between(0.02, 0.25)
        beyond_x = grid.x.abs() - half_width + corner
        beyond_y = grid.y.abs() - half_height + corner
        outside = torch.hypot(beyond_x.clamp(min=0), beyond_y.clamp(min=0))
        return outside + torch.maximum(beyond_x, beyond_y).clamp(max=0) - corner
    sides = dice.numbers.randint(3, 7)
    first = dice.between(0, math.tau)
    # A convex polygon is what lies behind each of its sides; the circle blunts what is too pointed.
    distances = [torch.hypot(grid.x, grid.y) - 1]
    distances += [
        grid.along(first + math.tau * (side + dice.between(-0.1, 0.1)) / sides)
        - math.cos(math.pi / sides) * dice.between(0.8, 1.0)
        for side in range(sides)
    ]
    return torch.stack(distances).amax(dim=0)


def sprite(resolution: int, dice: Dice) -> Tensor:
    """An object, float32 [4, s, s]: its colours, and its signed distance in radii."""
    grid = Grid.over(SPRITE_REACH, SPRITE_REACH, resolution, resolution)
    # Mostly a hue that a swap of red and blue changes; at times any at all.
    own = dice.colour(dice.numbers.choice((_WARM, _WARM, _COOL, _COOL, _ANY)))
    second = own * dice.between(0.2, 0.5) if dice.chance(0.5) else dice.colour(_ANY)
    values = dice.numbers.choice(_COATS)(grid, dice)
    # The object's own colour keeps the larger part of it.
    coat = _paint(values, [own, own, second])
    distance = _outline(grid, dice)
    rim = ((distance + 0.1) * 20).sigmoid() * 0.5
    return torch.cat([coat * (1 - rim), distance.unsqueeze(0)])
