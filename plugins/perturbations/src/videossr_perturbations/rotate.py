"""Rotate: the picture is turned clockwise; by 180 degrees, for instance, it stands on its head.

One of the four perturbations in VideoSSR's final mix, there always by 180 degrees (arXiv 2511.06281,
section 3). A quarter turn makes a wide picture tall: it is scaled, aspect kept, to fit inside the
frame, with black to both sides, so that the frame keeps its size within the clip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr_perturbations.scaling import framed, resized

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


#: Degrees of a half turn, after which the picture still fits.
_HALF: Final = 180


class RotateConfig(BaseModel):
    """How far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    degrees: Annotated[
        Literal[90, 180, 270],
        Field(description="clockwise; 90 and 270 are scaled to fit inside, with black borders"),
    ] = 180


class Rotate:
    """The perturbation `rotate`."""

    Config = RotateConfig
    summary = "Turn the picture by 90, 180 or 270 degrees"
    version = "1"
    hook_api = 2

    def phrase(self, config: RotateConfig) -> str:
        """By how much, and which way where it matters."""
        if config.degrees == _HALF:
            return "rotated by 180 degrees"
        return f"rotated by {config.degrees} degrees clockwise"

    def involution(self, config: RotateConfig) -> bool:
        """A half turn."""
        return config.degrees == _HALF

    @hookimpl
    def perturb(self, clip: Clip, config: RotateConfig) -> Tensor:
        """The frames turned clockwise; uint8 [t, 3, H, W]."""
        # torch counts its quarter turns the other way round
        turned = clip.frames.rot90(4 - config.degrees // 90, (2, 3))
        if config.degrees == _HALF or clip.height == clip.width:
            return turned
        share = min(clip.height / clip.width, clip.width / clip.height)
        # the turned picture is `width` high and `height` wide
        return framed(resized(turned, clip.width * share, clip.height * share), like=clip)


plugin = Rotate()
