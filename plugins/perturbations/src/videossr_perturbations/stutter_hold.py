"""Stutter-hold: the segment holds still on a few of its frames, as a video does that has to wait for its data.

Among those offered by the authors of VideoSSR (arXiv 2511.06281), there on 2 to 5 frames. Invisible where
nothing moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from videossr import hookimpl
from videossr.draw import whole
from videossr_perturbations.bounds import Bounds
from videossr_perturbations.motion import moves

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.clip import Clip


class StutterHoldConfig(Bounds):
    """On how many frames."""

    least: Annotated[int, Field(ge=1, le=64, description="fewest frames that are held")] = 2
    greatest: Annotated[
        int, Field(ge=1, le=64, description="most frames that are held, at least `least`")
    ] = 5


class StutterHold:
    """The perturbation `stutter_hold`."""

    Config = StutterHoldConfig
    summary = "Hold still on a few frames"
    version = "1"
    hook_api = 2
    phrase = "shown in jerks, held on a few frames"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, config: StutterHoldConfig, rng: random.Random) -> Tensor:
        """Each frame replaced by the last one that is held; uint8 [t, 3, H, W].

        The segment is cut into as many parts as frames are held, equally long but for rounding, and each
        part shows its first frame.
        """
        held = min(whole(rng, config.least, config.greatest), len(clip))
        return clip.frames[
            [(i * held // len(clip) * len(clip) + held - 1) // held for i in range(len(clip))]
        ]

    @hookimpl
    def visible(self, before: Clip, after: Tensor) -> bool:
        """Whether enough moves for it to show."""
        return moves(before, after)


plugin = StutterHold()
