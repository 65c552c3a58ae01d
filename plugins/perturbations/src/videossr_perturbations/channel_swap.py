"""Channel swap: red and blue change places, as in `#ff8000` (orange) to `#0080ff` (azure).

One of the four perturbations in VideoSSR's final mix (arXiv 2511.06281, section 3). Invisible on grey
frames, which is why a task looks at how much the pixels changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl
from videossr_perturbations.colour import colours_show

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


class ChannelSwapConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelSwap:
    """The perturbation `channel_swap`."""

    Config = ChannelSwapConfig
    summary = "Swap the red and the blue channel"
    version = "1"
    hook_api = 2
    phrase = "shown with red and blue swapped"
    involution = True

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """The frames with channels in the order blue, green, red; uint8 [t, 3, H, W]."""
        return clip.frames.flip(1)

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether the colours change enough for it to show."""
        return colours_show(before, after)


plugin = ChannelSwap()
