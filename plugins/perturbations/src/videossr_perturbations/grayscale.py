"""Grayscale: the colours go and the brightness stays; pure red (255, 0, 0) becomes (77, 77, 77).

Among those offered by the authors of VideoSSR (arXiv 2511.06281). Invisible on grey frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl
from videossr_perturbations.colour import colours_show, luma

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class GrayscaleConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Grayscale:
    """The perturbation `grayscale`."""

    Config = GrayscaleConfig
    summary = "Take the colours away"
    version = "1"
    hook_api = 2
    phrase = "shown without colours"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The brightness of each pixel in all three channels; uint8 [t, 3, H, W]."""
        return luma(clip.frames).expand(-1, 3, -1, -1).contiguous()

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether the colours change enough for it to show."""
        return colours_show(before, after)


plugin = Grayscale()
