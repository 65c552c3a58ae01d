"""The random draws behind a procedural video."""

from __future__ import annotations

import colorsys
import random

import torch
from torch import Tensor
from torch.nn.functional import interpolate


class Dice:
    """The random draws of one shot: numbers and choices, and smooth fields."""

    def __init__(self, seed: int) -> None:
        self.numbers = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.fields = torch.Generator().manual_seed(seed)

    def between(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        return self.numbers.uniform(low, high)

    def signed(self, low: float, high: float) -> float:
        """A number whose size lies from `low` to `high`, of either sign."""
        return self.numbers.choice((-1, 1)) * self.numbers.uniform(low, high)

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.numbers.random() < probability

    def noise(self, height: int, width: int, *, cells: int, octaves: int) -> Tensor:
        """Smooth noise, float32 [height, width], from 0 to 1; `cells` bumps along the short side."""
        total = torch.zeros(height, width)
        for octave in range(octaves):
            across = cells * 2**octave
            rows, columns = (
                round(across * side / min(height, width)) + 1 for side in (height, width)
            )
            lattice = torch.rand(1, 1, rows, columns, generator=self.fields)
            octave_field = interpolate(lattice, (height, width), mode="bicubic", align_corners=True)
            total += octave_field[0, 0] * 0.55**octave
        low, high = total.aminmax()
        return (total - low) / (high - low)

    def colour(
        self, hues: tuple[float, float], brightness: tuple[float, float] = (0.5, 1.0)
    ) -> Tensor:
        """A strong colour, float32 [3] in 0..1, of a hue within a range of degrees."""
        hue = self.between(*hues) / 360 % 1
        return torch.tensor(
            colorsys.hsv_to_rgb(hue, self.between(0.65, 1.0), self.between(*brightness))
        )
