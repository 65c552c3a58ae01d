"""Invert: every channel is taken from 255, as in a photographic negative; 30 becomes 225."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class InvertConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Invert:
    """The perturbation `invert`."""

    Config = InvertConfig
    summary = "Turn every colour into its negative"
    version = "1"
    phrase = "shown as a colour negative"
    involution = True

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The frames with 255 - x for every value x; uint8 [t, 3, H, W]."""
        return 255 - clip.frames


plugin = Invert()
