"""Saturation: colours go away from grey, to twice the distance by default; a dull red becomes a bright one.

Among those offered by the authors of VideoSSR (arXiv 2511.06281), there by the factor 2. Invisible on grey
frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr_perturbations.colour import colours_show, luma

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
    hook_api = 2
    involution = False

    def phrase(self, config: SaturationConfig) -> str:
        """Which way the colours go."""
        if config.factor == 0:
            return "shown without colours"
        return f"shown in {'stronger' if config.factor > 1 else 'duller'} colours"

    @hookimpl
    def perturb(self, clip: Clip, config: SaturationConfig) -> Tensor:
        """The frames with each channel's distance from the brightness multiplied; uint8 [t, 3, H, W]."""
        import torch  # noqa: PLC0415 - torch is no part of a light import

        factor = round(256 * config.factor)
        saturated = torch.empty_like(clip.frames)
        # Frame by frame, which stay in the processor's cache.
        for made, frame, grey in zip(saturated, clip.frames, luma(clip.frames).int(), strict=True):
            away = (frame - grey).mul_(factor).add_(128)
            made.copy_(away.bitwise_right_shift_(8).add_(grey).clamp_(0, 255))
        return saturated

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether the colours change enough for it to show."""
        return colours_show(before, after)


plugin = Saturation()
