"""Zoom in: the middle of the picture fills the frame, enlarged by a factor of, say, 1.4.

The factors are those of VideoSSR (arXiv 2511.06281). One factor is drawn for the whole segment: one
for each frame would be a jitter that gives the segment away by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from videossr import hookimpl
from videossr.draw import uniform
from videossr_perturbations.bounds import Bounds
from videossr_perturbations.scaling import middle, resized

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.clip import Clip


class ZoomInConfig(Bounds):
    """How far."""

    least: Annotated[float, Field(ge=1, le=8, description="smallest enlargement that is drawn")] = (
        1.3
    )
    greatest: Annotated[
        float, Field(ge=1, le=8, description="largest enlargement that is drawn, at least `least`")
    ] = 1.5


class ZoomIn:
    """The perturbation `zoom_in`."""

    Config = ZoomInConfig
    summary = "Enlarge the middle of the picture to fill the frame"
    version = "1"
    phrase = "zoomed in on its centre"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, config: ZoomInConfig, rng: random.Random) -> Tensor:
        """The middle of the frames, enlarged by one factor for all; uint8 [t, 3, H, W]."""
        factor = uniform(rng, config.least, config.greatest)
        return resized(middle(clip, 1 / factor), clip.height, clip.width)


plugin = ZoomIn()
