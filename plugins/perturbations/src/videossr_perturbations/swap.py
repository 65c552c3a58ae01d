"""Swap: for the length of the segment another video is shown, as after a cut; then the first goes on.

Among those offered by the authors of VideoSSR (arXiv 2511.06281). The place in the other video is drawn; its
frames are as far apart as the segment's, and scaled, aspect kept, until they cover the frame, the rest
cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import Unsuitable, hookimpl
from videossr.draw import uniform
from videossr_perturbations.motion import seconds_of
from videossr_perturbations.scaling import covering

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr import Footage
    from videossr.clip import Clip


class SwapConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Swap:
    """The perturbation `swap`."""

    Config = SwapConfig
    summary = "Show another video"
    version = "1"
    hook_api = 2
    phrase = "from another video"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, rng: random.Random, footage: Footage) -> Tensor:
        """Frames of another video, as many and as far apart; uint8 [t, 3, H, W]."""
        other = footage.other
        if other is None:
            raise Unsuitable("there is no other video to swap with")
        seconds = seconds_of(clip) if len(clip) > 1 else 0.0
        first, last = other.first, other.last
        if last - first < seconds:
            raise Unsuitable("the other video is too short to swap with")
        start = uniform(rng, first, last - seconds)
        shown = other.take(start, start + seconds, len(clip))
        if len(shown) < len(clip):
            raise Unsuitable("the other video has too few frames to swap with")
        return covering(shown.frames, like=clip)


plugin = Swap()
