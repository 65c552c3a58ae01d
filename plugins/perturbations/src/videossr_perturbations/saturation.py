"""Saturation: colours go away from grey, to twice the distance by default; a dull red becomes a bright one.

Among those offered by the authors of VideoSSR (arXiv 2511.06281), there by the factor 2. Invisible on grey
frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr_perturbations.colour import luma

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class SaturationConfig(BaseModel):
    """How far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    factor: Annotated[
        float,
        Field(
            ge=0,
            le=8,
            description="distance from grey, of what it was; 1 changes nothing, 0 is grey",
        ),
    ] = 2.0


class Saturation:
    """The perturbation `saturation`."""

    Config = SaturationConfig
    summary = "Move colours away from grey, or towards it"
    version = "1"
    phrase = "shown in other colours, brighter or duller"

    @hookimpl
    def perturb(self, clip: Clip, config: SaturationConfig) -> Tensor:
        """The frames with each channel's distance from the brightness multiplied; uint8 [t, 3, H, W]."""
        import torch  # noqa: PLC0415 - torch is no part of a light import

        grey = luma(clip.frames).int()
        factor = round(256 * config.factor)
        moved = grey + (((clip.frames.int() - grey) * factor + 128) >> 8)
        return moved.clamp(0, 255).to(torch.uint8)


plugin = Saturation()
