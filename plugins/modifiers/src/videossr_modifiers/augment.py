"""Augment: other views of the same video, so that few videos make many clips.

For example a clip is cropped to four fifths of its height, mirrored, and shown with red and blue
exchanged; what is asked about it is asked of the clip as it is then. All frames are altered alike, and
so is every other frame of the question's footage. A small model that is trained on some dozens of videos
learns them by heart otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl
from videossr.draw import shuffled, uniform

if TYPE_CHECKING:
    import random
    from collections.abc import Generator

    from torch import Tensor

    from videossr import Clip

#: Grey levels of a byte.
_LEVELS: Final = 256


class AugmentConfig(BaseModel):
    """What may be altered, and how far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="least share of each side that is kept, the rest scaled up; 1 keeps all",
        ),
    ] = 0.75
    mirror: Annotated[
        float,
        Field(ge=0, le=1, description="share of the clips that left and right are exchanged in"),
    ] = 0.5
    flip: Annotated[
        float, Field(ge=0, le=1, description="share of the clips that are turned upside down")
    ] = 0.0
    swap_channels: Annotated[
        bool, Field(description="red, green and blue in any order, each as likely")
    ] = False
    invert: Annotated[
        float, Field(ge=0, le=1, description="share of the clips that are shown in negative")
    ] = 0.0
    contrast: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="each channel's contrast is multiplied by up to this much more or less than 1",
        ),
    ] = 0.0
    brightness: Annotated[
        float,
        Field(
            ge=0,
            le=255,
            description="each channel is made lighter or darker by up to this, in grey levels of 255",
        ),
    ] = 0.0


class Views:
    """The wrapper of one run."""

    def __init__(self, config: AugmentConfig) -> None:
        self._config = config

    @hookimpl(wrapper=True)
    def prepare_clip(self, rng: random.Random) -> Generator[None, Any, Any]:
        """The clip in another view."""
        clip: Clip = yield
        config = self._config
        kept = [uniform(rng, config.crop, 1) for _ in range(2)]
        corner = [rng.random() for _ in range(2)]
        frames = _cropped(clip.frames, kept, corner)
        mirrored, flipped = rng.random() < config.mirror, rng.random() < config.flip
        if sides := [side for side, turned in ((3, mirrored), (2, flipped)) if turned]:
            frames = frames.flip(sides)
        channels = shuffled(rng, range(3))
        if config.swap_channels:
            frames = frames[:, channels]
        negative = rng.random() < config.invert
        gains = [uniform(rng, 1 - config.contrast, 1 + config.contrast) for _ in range(3)]
        shifts = [uniform(rng, -config.brightness, config.brightness) for _ in range(3)]
        frames = _toned(frames, [-gain if negative else gain for gain in gains], shifts)
        return clip.with_frames(frames)


def _cropped(frames: Tensor, kept: list[float], corner: list[float]) -> Tensor:
    """A part of the frames, `kept` of each side from `corner` on, 0 the first and 1 the last, full size."""
    from torch.nn.functional import interpolate  # noqa: PLC0415 - torch is no part of a light import

    height, width = frames.shape[2:]
    tall, wide = (
        max(1, round(share * side)) for share, side in zip(kept, (height, width), strict=True)
    )
    if (tall, wide) == (height, width):
        return frames
    top, left = int(corner[0] * (height - tall + 1)), int(corner[1] * (width - wide + 1))
    part = frames[:, :, top : top + tall, left : left + wide]
    # On bytes torch reckons in whole numbers, alike on every processor.
    return interpolate(part, size=(height, width), mode="bilinear", antialias=True)


def _toned(frames: Tensor, gains: list[float], shifts: list[float]) -> Tensor:
    """Frames with each channel's levels multiplied around middle grey and shifted."""
    import numpy as np  # noqa: PLC0415 - no part of a light import
    import torch  # noqa: PLC0415

    if all(gain == 1 for gain in gains) and not any(shifts):
        return frames
    middle = (_LEVELS - 1) / 2
    # Of the 256 levels each is reckoned once, step by step in float64, alike on every processor.
    away = np.arange(_LEVELS) - middle
    tones = [middle + gain * away + shift for gain, shift in zip(gains, shifts, strict=True)]
    tables = [np.rint(tone).clip(0, _LEVELS - 1).astype(np.uint8) for tone in tones]
    toned = [table[frames[:, c].numpy()] for c, table in enumerate(tables)]
    return torch.from_numpy(np.stack(toned, axis=1))


class Augment:
    """The modifier `augment`."""

    Config = AugmentConfig
    summary = "Show every clip cropped, mirrored or in other colours"
    version = "1"

    @hookimpl
    def make_modifier(self, config: AugmentConfig) -> Views:
        """Wrappers for one run."""
        return Views(config)


plugin = Augment()
