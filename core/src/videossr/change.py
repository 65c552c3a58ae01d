"""How much an alteration changes, by measures from which it is told whether it can be seen.

Every sum is of whole numbers, so that no order of summation can carry a clip across a threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

#: Grey levels of 255 by which pixels have to differ on average, where a perturbation has no view of its
#: own. On real clips a mirrored, turned or zoomed picture was hard to tell below 6 to 8, and an empty
#: road that was enlarged up to 9.
VISIBLE: Final = 10.0

#: Pixels a side of a block: the mean of 64 pixels has an eighth of their noise.
BLOCK: Final = 8


def mean_change(before: Tensor, after: Tensor) -> float:
    """The mean absolute difference of two uint8 tensors of one shape, in grey levels of 255."""
    import torch  # noqa: PLC0415 - no part of a light import

    # in bytes throughout, which take a quarter of the memory of whole numbers
    difference = before.maximum(after).sub_(before.minimum(after))
    # by rows, which 32 bits hold: torch adds bytes to 64 bits thirty times slower
    return int(difference.sum(-1, dtype=torch.int32).sum()) / difference.numel()


def changed_area(before: Tensor, after: Tensor, levels: int) -> float:
    """How much of the picture changes, where anything does; what cameras add as noise is left out.

    The pictures are cut into blocks of 8 x 8 pixels. A block changes if its mean does, in any channel.

    Args:
        before: uint8 [t, 3, H, W].
        after: of the same shape.
        levels: grey levels of 255 by which a block's mean has to change to count.

    Returns:
        The share of the blocks that change, in [0, 1]; over the frames of which any pixel changes, 0
        if there are none.
    """
    import numpy as np  # noqa: PLC0415 - no part of a light import

    moved = [at for at in range(len(before)) if not before[at].equal(after[at])]
    if not moved:
        return 0.0
    height, width = (min(BLOCK, side) for side in before.shape[2:])
    difference = np.abs(_block_sums(before, height, width) - _block_sums(after, height, width))
    changed = (difference[moved] >= levels * height * width).any(1)
    return int(changed.sum()) / int(changed.size)


def _block_sums(frames: Tensor, height: int, width: int) -> NDArray[np.int32]:
    """The sum over each block, int32 [t, 3, rows, columns]; what is no whole block is left out."""
    # By NumPy, which adds bytes up several times quicker than torch.
    import numpy as np  # noqa: PLC0415 - no part of a light import

    rows, columns = frames.shape[2] // height, frames.shape[3] // width
    whole = frames.numpy()[:, :, : rows * height, : columns * width]
    shape = (len(frames), 3, rows, height, columns, width)
    # 8 bytes fit into 16 bits, 64 do not
    lines = np.add.reduce(whole.reshape(shape), axis=3, dtype=np.uint16)
    return np.add.reduce(lines, axis=4, dtype=np.int32)  # type: ignore[no-any-return]
