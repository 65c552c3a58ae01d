"""Zoom out: the picture shrinks by a factor of, say, 1.3 and stands in a black border.

One of the four perturbations in VideoSSR's final mix; the factors are the paper's (arXiv 2511.06281,
section 3). One factor is drawn for the whole segment: one for each frame would be a jitter that gives
the segment away by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from videossr import hookimpl
from videossr.draw import uniform
from videossr_perturbations.bounds import Bounds
from videossr_perturbations.scaling import framed, resized

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.clip import Clip


class ZoomOutConfig(Bounds):
    """How far."""

    least: Annotated[float, Field(ge=1, le=8, description="smallest reduction that is drawn")] = 1.2
    greatest: Annotated[
        float, Field(ge=1, le=8, description="largest reduction that is drawn, at least `least`")
    ] = 1.4


class ZoomOut:
    """The perturbation `zoom_out`."""

    Config = ZoomOutConfig
    summary = "Shrink the picture into a black border"
    version = "1"
    phrase = "zoomed out, with a black border"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, config: ZoomOutConfig, rng: random.Random) -> Tensor:
        """The frames, reduced by one factor for all, on black; uint8 [t, 3, H, W]."""
        factor = uniform(rng, config.least, config.greatest)
        return framed(resized(clip.frames, clip.height / factor, clip.width / factor), like=clip)


plugin = ZoomOut()
