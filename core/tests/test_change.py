"""How much an alteration changes, in whole numbers."""

from __future__ import annotations

import pytest
import torch

from videossr.change import changed_area, mean_change


def grey(*levels: int, height: int = 16, width: int = 16) -> torch.Tensor:
    """Uniform frames, uint8 [t, 3, height, width]."""
    column = torch.tensor(levels, dtype=torch.uint8)[:, None, None, None]
    return column.expand(-1, 3, height, width).clone()


def test_mean_change_is_in_grey_levels() -> None:
    """By hand: |0 - 255|, |10 - 4|, |7 - 7|, |100 - 103| are 255, 6, 0, 3; their mean is 66."""
    before = torch.tensor([0, 10, 7, 100], dtype=torch.uint8)
    after = torch.tensor([255, 4, 7, 103], dtype=torch.uint8)
    assert mean_change(before, after) == 66.0


def test_mean_change_is_exact() -> None:
    """The same as in floating point with twice the digits, however large."""
    dice = torch.Generator().manual_seed(0)
    before, after = torch.randint(0, 256, (2, 16, 3, 96, 80), generator=dice, dtype=torch.uint8)
    exact = (before.double() - after.double()).abs().mean()
    assert float(exact) == pytest.approx(mean_change(before, after), rel=1e-14)


def test_changed_area_counts_blocks() -> None:
    """By hand: one block of 8 x 8 of four changes, by 16 levels, in one channel of one frame of one."""
    before, after = grey(100), grey(100)
    after[:, 1, :8, 8:] += 16
    assert 0.25 == changed_area(before, after, 16)
    assert 0.0 == changed_area(before, after, 17)


def test_changed_area_is_of_the_frames_that_changed() -> None:
    """By hand: frame 0 is as it was; of the two others one changes all over and one in a quarter."""
    before, after = grey(100, 100, 100), grey(100, 50, 100)
    after[2, :, :8, :8] = 0
    assert (1 + 0.25) / 2 == changed_area(before, after, 16)
    assert 0.0 == changed_area(before, before.clone(), 1)


def test_changed_area_leaves_noise_out() -> None:
    """By hand: pixels that change by 40 up and down in turn leave the mean of their block where it was."""
    before, after = grey(100), grey(100)
    after[..., ::2] += 40
    after[..., 1::2] -= 40
    assert 40.0 == mean_change(before, after)
    assert 0.0 == changed_area(before, after, 1)


@pytest.mark.parametrize(("height", "width"), [(1, 5), (8, 3), (17, 9), (33, 47)])
def test_changed_area_takes_pictures_of_any_size(height: int, width: int) -> None:
    """Smaller than a block they are one; what is left over at the edge does not count."""
    before, after = (grey(level, height=height, width=width) for level in (10, 60))
    assert 1.0 == changed_area(before, after, 50)
