"""Freeze: the first frame of the segment stays until its end, then the video goes on where it would be.

Invisible where nothing moves, which is why a task looks at how much the pixels changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl
from videossr_perturbations.motion import moves

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class FreezeConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Freeze:
    """The perturbation `freeze`."""

    Config = FreezeConfig
    summary = "Stand still"
    version = "1"
    hook_api = 2
    phrase = "frozen"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The first frame again and again; uint8 [t, 3, H, W]."""
        return clip.frames[:1].repeat(len(clip), 1, 1, 1)

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether enough moves for it to show."""
        return moves(before, after)


plugin = Freeze()
