"""Pictures made larger or smaller, for the perturbations that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip


def resized(frames: Tensor, height: float, width: float) -> Tensor:
    """Frames, uint8 [t, 3, H, W], at the nearest whole size, at least one pixel a side.

    Bilinear, smoothed where it shrinks (antialiased).
    """
    from torch.nn.functional import interpolate  # noqa: PLC0415 - torch is no part of a light import

    # On bytes torch reckons in whole numbers, alike on every processor; on floats it does not.
    return interpolate(
        frames,
        size=(max(1, round(height)), max(1, round(width))),
        mode="bilinear",
        antialias=True,
    )


def middle(clip: Clip, share: float) -> Tensor:
    """The middle of a clip's frames, `share` of each side long, at least one pixel."""
    height, width = max(1, round(clip.height * share)), max(1, round(clip.width * share))
    top, left = (clip.height - height) // 2, (clip.width - width) // 2
    return clip.frames[:, :, top : top + height, left : left + width]


def framed(frames: Tensor, *, like: Clip) -> Tensor:
    """Frames, no larger than those of a clip, in the middle of black frames of the clip's size."""
    height, width = frames.shape[2:]
    top, left = (like.height - height) // 2, (like.width - width) // 2
    black = like.frames.new_zeros(like.frames.shape)
    black[:, :, top : top + height, left : left + width] = frames
    return black


def covering(frames: Tensor, *, like: Clip) -> Tensor:
    """Frames of any shape, scaled until they cover a clip's, aspect kept; the rest is cut off evenly."""
    height, width = frames.shape[2:]
    factor = max(like.height / height, like.width / width)
    if factor != 1:
        frames = resized(frames, height * factor, width * factor)
    top, left = (frames.shape[2] - like.height) // 2, (frames.shape[3] - like.width) // 2
    return frames[:, :, top : top + like.height, left : left + like.width].clone()
