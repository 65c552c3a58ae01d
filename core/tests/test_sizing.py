"""Sizes at which frames are decoded."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from videossr.video import fit_size

SIDE = st.integers(1, 8192)
MULTIPLE = st.sampled_from([1, 2, 14, 28, 32])


@given(SIDE, SIDE, MULTIPLE, st.integers(1, 4000), st.floats(0, 1))
def test_sides_are_multiples_and_the_area_is_within_its_limit(
    height: int, width: int, multiple: int, cells: int, share: float
) -> None:
    """Whatever the picture, both sides are whole multiples and max_pixels is kept."""
    max_pixels = cells * multiple**2
    fitted = fit_size(
        height,
        width,
        max_pixels=max_pixels,
        min_pixels=int(max_pixels * share),
        multiple=multiple,
    )
    assert [side % multiple for side in fitted] == [0, 0]
    assert min(fitted) >= multiple
    assert fitted[0] * fitted[1] <= max_pixels


@given(SIDE, SIDE, MULTIPLE, st.integers(1, 200))
def test_min_pixels_is_reached_where_the_limits_leave_room(
    height: int, width: int, multiple: int, cells: int
) -> None:
    """With a max_pixels of 16 times min_pixels, rounding never falls below min_pixels."""
    low = cells * multiple**2
    fitted = fit_size(height, width, max_pixels=16 * low, min_pixels=low, multiple=multiple)
    assert fitted[0] * fitted[1] >= low


@given(st.integers(200, 4000), st.integers(200, 4000))
def test_aspect_ratio_is_kept_as_nearly_as_multiples_allow(height: int, width: int) -> None:
    """A side of 13 multiples had at least 12 before rounding: 13 / 12 is the most that it can be off.

    Both sides may be, in opposite directions, where only so the area stays within its limits.
    """
    fitted = fit_size(height, width, max_pixels=2**22, min_pixels=2**20, multiple=16)
    assume(min(fitted) >= 13 * 16)
    distortion = math.log(fitted[0] / fitted[1]) - math.log(height / width)
    assert abs(distortion) < 2 * math.log(13 / 12)


@given(SIDE, SIDE, st.integers(1, 10**6))
def test_a_picture_within_the_limits_stays_as_it_is(height: int, width: int, extra: int) -> None:
    """With a multiple of 1 and room enough nothing is scaled."""
    area = height * width
    fitted = fit_size(height, width, max_pixels=area + extra, min_pixels=1, multiple=1)
    assert (height, width) == fitted


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        # 720p into 64 cells of 32: 6 x 10.67 cells, and 6 x 10 is what fits.
        (720, 1280, (192, 320)),
        (1280, 720, (320, 192)),
        # One cell high, and no more than 64 cells wide.
        (16, 1280, (32, 2048)),
        (1280, 16, (2048, 32)),
        # Smaller than a cell: enlarged to min_pixels, which is 4 cells.
        (8, 8, (64, 64)),
        (256, 256, (256, 256)),
    ],
)
def test_sizes_worked_out_by_hand(height: int, width: int, expected: tuple[int, int]) -> None:
    """Common and extreme shapes at the default limits."""
    assert expected == fit_size(height, width, max_pixels=65536, min_pixels=4096, multiple=32)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"height": 0}, "height: 0; must be at least 1"),
        ({"width": -3}, "width: -3; must be at least 1"),
        ({"multiple": 0}, "multiple: 0; must be at least 1"),
        ({"max_pixels": 1023}, r"max_pixels: 1023; must be at least multiple \* multiple = 1024"),
        ({"min_pixels": 65537}, "min_pixels: 65537; must be at most max_pixels = 65536"),
    ],
)
def test_impossible_limits_are_named(changed: dict[str, int], message: str) -> None:
    """An error names the argument, its value and what would be right."""
    arguments = {"height": 90, "width": 160, "max_pixels": 65536, "min_pixels": 1, "multiple": 32}
    with pytest.raises(ValueError, match=message):
        fit_size(**(arguments | changed))
