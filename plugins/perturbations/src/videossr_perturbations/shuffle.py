"""Shuffle: the frames of the segment come in another order, so that everything jumps.

One of the perturbations of VideoSSR (arXiv 2511.06281, section 3). Times stay: what moves is the pictures.
Invisible where nothing moves, which is why a task looks at how much the pixels changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from videossr import hookimpl
from videossr.draw import shuffled
from videossr_perturbations.motion import moves

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.clip import Clip


class ShuffleConfig(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shuffle:
    """The perturbation `shuffle`."""

    Config = ShuffleConfig
    summary = "Put the frames into another order"
    version = "1"
    hook_api = 2
    phrase = "shown with its frames in a wrong order"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, rng: random.Random) -> Tensor:
        """The frames in an order that is not theirs, each as likely; uint8 [t, 3, H, W]."""
        order = list(range(len(clip)))
        while order == sorted(order) and len(clip) > 1:
            order = shuffled(rng, order)
        return clip.frames[order]

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether enough moves for it to show."""
        return moves(before, after)


plugin = Shuffle()
