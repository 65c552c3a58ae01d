"""Blur: every pixel becomes a mean of its neighbourhood, weighted by a Gaussian.

Among those offered by the authors of VideoSSR (arXiv 2511.06281), there with a radius of 2, which is the
Gaussian's standard deviation in pixels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from videossr.clip import Clip


#: Weights of a kernel add up to this, so that every sum below is a whole number that a float holds exactly:
#: 255 * 256 * 256 is less than 2**24.
_ONE: Final = 256


class BlurConfig(BaseModel):
    """How much."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius: Annotated[
        float,
        Field(ge=0.5, le=16, description="standard deviation of the Gaussian, in pixels"),
    ] = 2.0


class Blur:
    """The perturbation `blur`."""

    Config = BlurConfig
    summary = "Blur the picture"
    version = "1"
    phrase = "blurred"

    @hookimpl
    def perturb(self, clip: Clip, config: BlurConfig) -> Tensor:
        """The frames smoothed along rows and columns, borders repeated; uint8 [t, 3, H, W]."""
        import torch  # noqa: PLC0415 - torch is no part of a light import

        weights = gaussian(config.radius)
        rows, columns = (smoothing(side, weights) for side in (clip.height, clip.width))
        blurred = rows.T @ (clip.frames.float() @ columns)
        rounded = blurred.add_(_ONE * _ONE // 2).div_(_ONE * _ONE, rounding_mode="floor")
        return rounded.to(torch.uint8)


def smoothing(side: int, weights: Sequence[int]) -> Tensor:
    """The matrix, float32 [side, side], by which a row of pixels is smoothed; borders are repeated.

    A product with it is several times quicker than a convolution by torch, and as exact.
    """
    import torch  # noqa: PLC0415 - torch is no part of a light import

    matrix = torch.zeros(side, side)
    reach = len(weights) // 2
    for offset, weight in zip(range(-reach, reach + 1), weights, strict=True):
        source = torch.arange(offset, side + offset).clamp(0, side - 1)
        matrix[source, torch.arange(side)] += weight
    return matrix


def gaussian(radius: float) -> list[int]:
    """The weights of a Gaussian at whole pixels up to three radii away: whole, and 256 in all."""
    reach = math.ceil(3 * radius)
    exact = [math.exp(-((i / radius) ** 2) / 2) for i in range(-reach, reach + 1)]
    weights = [round(_ONE * weight / sum(exact)) for weight in exact]
    weights[reach] += _ONE - sum(weights)  # what rounding took or gave
    return weights


plugin = Blur()
