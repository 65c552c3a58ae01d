"""Brightness and colour, in whole numbers, alike on every processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor

#: Weights of red, green and blue in the brightness, of 256 (ITU-R BT.601).
_WEIGHTS: Final = (77, 150, 29)


def luma(frames: Tensor) -> Tensor:
    """The brightness of frames, uint8 [t, 3, H, W], rounded; uint8 [t, 1, H, W]."""
    import torch  # noqa: PLC0415 - torch is no part of a light import

    whole = frames.int()
    weighted = sum(weight * whole[:, i : i + 1] for i, weight in enumerate(_WEIGHTS))
    return torch.as_tensor((weighted + 128) >> 8, dtype=torch.uint8)
