"""Occlusion: a black rectangle covers a part of the picture, the same part for the whole segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr.draw import whole

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.clip import Clip


class OcclusionConfig(BaseModel):
    """How much."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Annotated[
        float,
        Field(gt=0, le=1, description="of the picture that is covered; each side its square root"),
    ] = 0.25


class Occlusion:
    """The perturbation `occlusion`."""

    Config = OcclusionConfig
    summary = "Cover a part of the picture"
    version = "1"
    phrase = "covered in part by a black rectangle"

    @hookimpl
    def perturb(self, clip: Clip, config: OcclusionConfig, rng: random.Random) -> Tensor:
        """The frames with one rectangle black, its place drawn once; uint8 [t, 3, H, W]."""
        side = config.share**0.5
        height = max(1, round(clip.height * side))
        width = max(1, round(clip.width * side))
        top = whole(rng, 0, clip.height - height)
        left = whole(rng, 0, clip.width - width)
        covered = clip.frames.clone()
        covered[:, :, top : top + height, left : left + width] = 0
        return covered


plugin = Occlusion()
