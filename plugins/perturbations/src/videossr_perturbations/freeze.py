"""Freeze: the first frame of the segment stays until its end, then the video goes on where it would be.

Invisible where nothing moves, which is why a task looks at how much the pixels changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl

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
    phrase = "frozen"

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The first frame again and again; uint8 [t, 3, H, W]."""
        return clip.frames[:1].repeat(len(clip), 1, 1, 1)


plugin = Freeze()
