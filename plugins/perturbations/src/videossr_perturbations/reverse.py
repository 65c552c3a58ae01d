"""Reverse: the segment runs backwards. Times stay: what moves is the pictures.

Invisible where nothing moves, and in what looks alike both ways, such as a pendulum about its turning point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl
from videossr_perturbations.motion import moves

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class ReverseConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reverse:
    """The perturbation `reverse`."""

    Config = ReverseConfig
    summary = "Run backwards"
    version = "1"
    hook_api = 2
    phrase = "shown backwards"
    involution = True

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The frames from the last to the first; uint8 [t, 3, H, W]."""
        return clip.frames.flip(0)

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether enough moves for it to show."""
        return moves(before, after)


plugin = Reverse()
