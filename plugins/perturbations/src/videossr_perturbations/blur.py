"""Blur: every pixel becomes a mean of its neighbourhood, weighted by a Gaussian.

Among those offered by the authors of VideoSSR (arXiv 2511.06281), there with a radius of 2, which is the
Gaussian's standard deviation in pixels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr.change import mean_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from videossr.clip import Clip

#: Weights of a kernel add up to this, so that every sum below is a whole number that a float holds exactly:
#: 255 * 256 * 256 is less than 2**24.
_ONE: Final = 256

#: Pixels that are made by one product, and frames that are made together: by trial.
_STRIP: Final = 32
_TOGETHER: Final = 4

#: Grey levels of 255 by which pixels have to change on average. Only edges change, so that it takes few:
#: of 40 real clips, bottles on a table change by 1.9 and are plainly blurred, a road by 1.3 and is not.
_VISIBLE: Final = 1.5


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
    hook_api = 2
    phrase = "blurred"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, config: BlurConfig) -> Tensor:
        """The frames smoothed along rows and columns, borders repeated; uint8 [t, 3, H, W]."""
        import torch  # noqa: PLC0415 - torch is no part of a light import

        weights = gaussian(config.radius)
        rows, columns = (strips(side, weights) for side in (clip.height, clip.width))
        blurred = torch.empty_like(clip.frames)
        # A few frames at a time, which stay in the processor's cache.
        for start in range(0, len(clip), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            sharp = clip.frames[some].float()
            across, along = torch.empty_like(sharp), sharp
            for strip in columns:
                across[..., strip.made] = sharp[..., strip.read] @ strip.matrix
            for strip in rows:
                along[..., strip.made, :] = strip.matrix.T @ across[..., strip.read, :]
            # a power of two, by which a float is divided exactly; bytes cut the fraction off
            blurred[some] = along.add_(_ONE * _ONE // 2).mul_(1 / (_ONE * _ONE))
        return blurred

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether there were edges to lose."""
        return mean_change(before.frames, after) >= _VISIBLE


class Strip(NamedTuple):
    """Which pixels of a row are made, from which, and by what matrix, float32 [read, made]."""

    made: slice
    read: slice
    matrix: Tensor


def strips(side: int, weights: Sequence[int]) -> list[Strip]:
    """The strips by which a row of pixels is smoothed; borders are repeated.

    A product with a matrix is several times quicker than a convolution by torch, and as exact. Most of
    the matrix for a whole row would be zero; in strips the products are four times quicker again.
    """
    reach, whole = len(weights) // 2, smoothing(side, weights)
    found = []
    for start in range(0, side, _STRIP):
        made = slice(start, min(side, start + _STRIP))
        read = slice(max(0, start - reach), min(side, made.stop + reach))
        found.append(Strip(made, read, whole[read, made].contiguous()))
    return found


def smoothing(side: int, weights: Sequence[int]) -> Tensor:
    """The matrix, float32 [side, side], by which a whole row of pixels is smoothed."""
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
