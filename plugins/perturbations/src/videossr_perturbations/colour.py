"""Brightness and colour, in whole numbers, alike on every processor; and whether a change of it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videossr.change import mean_change

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.clip import Clip

#: Weights of red, green and blue in the brightness, of 256 (ITU-R BT.601).
_WEIGHTS: Final = (77, 150, 29)

#: Grey levels of 255 by which pixels have to change on average. On 40 real clips a change of colour
#: could be told from 3 to 4 on (an orange button on a white page, a muted street), and not at 1 to 2 (a
#: road, a page with a coloured bar). The 10 that hold for a change of place would refuse half of all
#: clips, as colours are seldom strong.
_VISIBLE: Final = 4.0


def luma(frames: Tensor) -> Tensor:
    """The brightness of frames, uint8 [t, 3, H, W], rounded; uint8 [t, 1, H, W]."""
    import numpy as np  # noqa: PLC0415 - no part of a light import
    import torch  # noqa: PLC0415

    # By NumPy in 16 bits, which hold 255 * 256 + 128: torch has no arithmetic in these.
    channels = frames.numpy().swapaxes(0, 1)
    total = np.full(channels.shape[1:], 128, dtype=np.uint16)
    for channel, weight in zip(channels, _WEIGHTS, strict=True):
        total += np.multiply(channel, np.uint16(weight), dtype=np.uint16)
    return torch.from_numpy((total >> np.uint16(8)).astype(np.uint8))[:, None]


def colours_show(before: Clip, after: Tensor) -> bool:
    """Whether colours changed visibly, in the first and in the last frame, which bound the answer."""
    ends = [0, -1]
    return all(mean_change(before.frames[end], after[end]) >= _VISIBLE for end in ends)
