"""Flip: top and bottom change places, as in the reflection on a lake.

Not the same as a turn by 180 degrees, which swaps left and right too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class FlipConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Flip:
    """The perturbation `flip`."""

    Config = FlipConfig
    summary = "Swap top and bottom"
    version = "1"
    phrase = "flipped top to bottom"
    involution = True

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The frames with their rows in reverse; uint8 [t, 3, H, W]."""
        return clip.frames.flip(2)


plugin = Flip()
