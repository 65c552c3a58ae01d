"""Mirror: left and right change places, so that writing reads backwards.

One of the four perturbations in VideoSSR's final mix (arXiv 2511.06281, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class MirrorConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mirror:
    """The perturbation `mirror`."""

    Config = MirrorConfig
    summary = "Swap left and right"
    version = "1"
    phrase = "mirrored left to right"
    involution = True

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The frames with their columns in reverse; uint8 [t, 3, H, W]."""
        return clip.frames.flip(3)


plugin = Mirror()
