"""The size at which a video's frames are decoded."""

from __future__ import annotations

import math


def fit_size(
    height: int, width: int, *, max_pixels: int, min_pixels: int, multiple: int
) -> tuple[int, int]:
    """The size, in whole multiples, at which a picture is shown to a model.

    The picture is scaled only as far as the limits ask, then each side goes to the multiple above or
    below, whichever pair keeps the aspect ratio best. A picture so thin that a side would be less than
    one multiple is enlarged until that side is one multiple, as far as `max_pixels` allows.

    Args:
        height: height of the picture as displayed, in pixels.
        width: width of the picture as displayed, in pixels.
        max_pixels: the area never goes above this.
        min_pixels: the area goes below this only where no neighbouring size satisfies both limits.
        multiple: what both sides are multiples of.

    Returns:
        Height and width in pixels, both at least `multiple`.

    Raises:
        ValueError: a size or limit below 1, `min_pixels` above `max_pixels`, or no room for one
            multiple by one multiple.
    """
    for name, value in (("height", height), ("width", width), ("multiple", multiple)):
        if value < 1:
            raise ValueError(f"{name}: {value}; must be at least 1")
    if max_pixels < multiple**2:
        raise ValueError(
            f"max_pixels: {max_pixels}; must be at least multiple * multiple = {multiple**2}"
        )
    if min_pixels > max_pixels:
        raise ValueError(f"min_pixels: {min_pixels}; must be at most max_pixels = {max_pixels}")

    # From here on in cells of multiple x multiple.
    most = max_pixels // multiple**2
    least = min_pixels / multiple**2
    area = min(max(height * width, min_pixels), max_pixels) / multiple**2
    rows = math.sqrt(area * height / width)
    columns = math.sqrt(area * width / height)
    enlarge = max(1.0, 1 / min(rows, columns))
    rows = min(rows * enlarge, float(most))
    columns = min(columns * enlarge, float(most))

    def unlikeness(cells: tuple[int, int]) -> tuple[bool, float, float]:
        distortion = abs(math.log(cells[0] / cells[1]) - math.log(height / width))
        return cells[0] * cells[1] < least, distortion, abs(cells[0] * cells[1] - rows * columns)

    # Rounding down always fits: its area is at most that of the unrounded size.
    sides = [sorted({max(1, math.floor(side)), math.ceil(side)}) for side in (rows, columns)]
    fitting = [(r, c) for r in sides[0] for c in sides[1] if r * c <= most]
    best = min(fitting, key=unlikeness)
    return best[0] * multiple, best[1] * multiple
