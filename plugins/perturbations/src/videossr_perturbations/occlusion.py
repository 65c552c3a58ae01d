"""Occlusion: a black rectangle covers a part of the picture, the same part for the whole segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr.change import mean_change
from videossr.draw import whole

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.clip import Clip

#: Grey levels of 255 that what is covered must have on average. The black of videos is up to 16; of a
#: stage at night what lay under the rectangle had 20, and a lit crane was seen to vanish.
_VISIBLE: Final = 16.0


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
    hook_api = 2
    phrase = "covered in part by a black rectangle"
    involution = False

    @hookimpl
    def perturb(self, clip: Clip, config: OcclusionConfig, rng: random.Random) -> Tensor:
        """The frames with one rectangle black, its place drawn once; uint8 [t, 3, H, W]."""
        height, width = _covered(clip, config)
        top = whole(rng, 0, clip.height - height)
        left = whole(rng, 0, clip.width - width)
        covered = clip.frames.clone()
        covered[:, :, top : top + height, left : left + width] = 0
        return covered

    @hookimpl
    def visible(self, before: Clip, after: Tensor, config: OcclusionConfig) -> bool:
        """Whether what is covered was not about black itself."""
        height, width = _covered(before, config)
        changed = mean_change(before.frames, after) * before.height * before.width
        return changed >= _VISIBLE * height * width


def _covered(clip: Clip, config: OcclusionConfig) -> tuple[int, int]:
    """Height and width of the rectangle, in pixels."""
    side = config.share**0.5
    return max(1, round(clip.height * side)), max(1, round(clip.width * side))


plugin = Occlusion()
