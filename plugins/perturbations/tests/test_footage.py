"""The perturbations that show frames from elsewhere: where they come from, and what is refused."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch

from videossr import Clip, Footage, Segment, Unsuitable
from videossr.footage import ClipSource
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from videossr.registry import Registry


def numbered(frames: int, spacing: float, first: float = 0.0) -> Clip:
    """A clip of 2 x 2 pixels whose frames tell their number."""
    levels = torch.arange(frames, dtype=torch.uint8)[:, None, None, None]
    times = first + spacing * torch.arange(frames, dtype=torch.float64)
    return Clip(levels.expand(-1, 3, 2, 2).contiguous(), times)


#: A source of ten frames a second, 10 s long, and every fifth frame of it.
SOURCE = numbered(100, 0.1)
CLIP = Clip(SOURCE.frames[::5], SOURCE.times[::5])


@pytest.fixture
def numbers(registry: Registry) -> Callable[..., list[int]]:
    """Applies a perturbation to a segment of the clip, and gives the numbers of the frames that come."""

    def apply(
        name: str,
        segment: Segment,
        *,
        own: Clip = SOURCE,
        other: Clip | None = None,
        seed: int = 0,
        **settings: Any,  # noqa: ANN401 - as from YAML
    ) -> list[int]:
        bound = registry.perturbation(name, registry.schema(name)(**settings))
        footage = Footage(ClipSource(own), ClipSource(other) if other else None)
        shown: Tensor = bound.apply(CLIP.cut(segment), rng=rng_for(seed), footage=footage)
        return shown[:, 0, 0, 0].tolist()

    return apply


def test_fast_forward_takes_frames_that_are_farther_apart(
    numbers: Callable[..., list[int]],
) -> None:
    """By hand: frames 10, 15, 20, 25 of the source at three times the speed are 10, 25, 40, 55."""
    segment = Segment(2, 6)
    assert [10, 25, 40, 55] == numbers("fast_forward", segment, least=3, greatest=3)


def test_fast_forward_starts_earlier_where_the_source_ends(
    numbers: Callable[..., list[int]],
) -> None:
    """By hand: 1.5 s at three times the speed are 4.5 s; the source ends at 9.9, so from 5.4 on."""
    segment = Segment(14, 18)
    assert [54, 69, 84, 99] == numbers("fast_forward", segment, least=3, greatest=3)


def test_fast_forward_is_no_faster_than_the_source_is_long(
    numbers: Callable[..., list[int]],
) -> None:
    """By hand: 3.5 s of 9.9 s leave 2.83 times at most, whatever is drawn; twice is always there."""
    for seed in range(20):
        shown = numbers("fast_forward", Segment(4, 12), seed=seed, least=2, greatest=8)
        assert 70 <= shown[-1] - shown[0] <= 99
        assert shown == sorted(set(shown))


def test_fast_forward_refuses_a_source_that_is_too_short(
    numbers: Callable[..., list[int]],
) -> None:
    """By hand: 5.5 s at twice the speed are 11 s, and the source has 9.9."""
    with pytest.raises(Unsuitable, match=r"^the video is too short for fast motion$"):
        numbers("fast_forward", Segment(0, 12))


def test_fast_forward_never_repeats_a_frame(numbers: Callable[..., list[int]]) -> None:
    """A source that stands still for seconds has no frames so far apart."""
    still = Clip(SOURCE.frames[[0, 1, 99]], SOURCE.times[[0, 1, 99]])
    with pytest.raises(Unsuitable, match=r"^the video has no frames so far apart as fast motion"):
        numbers("fast_forward", Segment(2, 6), own=still)


def test_slow_motion_takes_the_frames_between(numbers: Callable[..., list[int]]) -> None:
    """By hand: from frame 10 on, four times slower, 0.125 s apart: at 1.0, 1.125, 1.25 and 1.375 s."""
    segment = Segment(2, 6)
    assert [10, 11, 12, 13] == numbers("slow_motion", segment, least=4, greatest=4)
    assert [10, 12, 15, 17] == numbers("slow_motion", segment, least=2, greatest=2)


def test_slow_motion_refuses_a_source_without_frames_between(
    numbers: Callable[..., list[int]],
) -> None:
    """By hand: eight times slower is 0.0625 s apart, and the source has a frame each 0.1 s."""
    with pytest.raises(Unsuitable, match=r"^the video has no frames between those of the clip$"):
        numbers("slow_motion", Segment(2, 10), least=8, greatest=8)


@pytest.mark.parametrize("name", ["fast_forward", "slow_motion"])
def test_one_frame_has_no_speed(name: str, numbers: Callable[..., list[int]]) -> None:
    """It is refused, in words that can be counted."""
    with pytest.raises(Unsuitable, match=r"^one frame alone has no speed$"):
        numbers(name, Segment(2, 3))


def test_swap_shows_another_video_at_the_same_spacing(numbers: Callable[..., list[int]]) -> None:
    """Frames half a second apart, which are five of the other's, from places all over it."""
    other = numbered(60, 0.1, first=7.0)
    starts = set()
    for seed in range(60):
        shown = numbers("swap", Segment(2, 6), other=other, seed=seed)
        assert [5, 5, 5] == [later - earlier for earlier, later in itertools.pairwise(shown)]
        starts.add(shown[0])
    assert min(starts) <= 4
    assert max(starts) >= 40


def test_swap_of_one_frame_shows_one_frame(numbers: Callable[..., list[int]]) -> None:
    """One has no spacing, and needs none."""
    assert [0] == numbers("swap", Segment(2, 3), other=numbered(1, 1.0))


def test_swap_needs_another_video(numbers: Callable[..., list[int]]) -> None:
    """Refused without one, and where it is too short or has too few frames."""
    with pytest.raises(Unsuitable, match=r"^there is no other video to swap with$"):
        numbers("swap", Segment(2, 6))
    with pytest.raises(Unsuitable, match=r"^the other video is too short to swap with$"):
        numbers("swap", Segment(2, 6), other=numbered(15, 0.1))
    with pytest.raises(Unsuitable, match=r"^the other video has too few frames to swap with$"):
        numbers("swap", Segment(2, 6), other=numbered(3, 2.0))


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (2, 4, [[1, 2], [1, 2]]),  # as high, too wide: a column goes at each side
        (4, 2, [[0, 0], [0, 0]]),
        (4, 8, None),  # halved, then cut
    ],
)
def test_swap_covers_the_frame_and_cuts_the_rest(
    height: int, width: int, expected: list[list[int]] | None, registry: Registry
) -> None:
    """By hand: columns 0 to 3 in a frame of two are its middle, 1 and 2; aspect is kept."""
    picture = torch.arange(width, dtype=torch.uint8).expand(1, 3, height, width).contiguous()
    if height > width:
        picture = picture * 0
    other = Clip(picture, torch.zeros(1).double())
    bound = registry.perturbation("swap", registry.schema("swap")())
    footage = Footage(ClipSource(SOURCE), ClipSource(other))
    shown = bound.apply(CLIP.cut(Segment(0, 1)), rng=rng_for(0), footage=footage)
    assert (1, 3, 2, 2) == tuple(shown.shape)
    if expected is not None:
        assert expected == shown[0, 0].tolist()
    else:  # in pairs 0.5, 2.5, 4.5, 6.5, smoothed; the middle two
        assert all(2 <= level <= 5 for level in shown.flatten().tolist())


@pytest.mark.parametrize("name", ["fast_forward", "slow_motion", "swap"])
def test_what_is_shown_is_a_copy(name: str, registry: Registry) -> None:
    """Frames of a source are shared with others, so that writing to what comes must not change them."""
    before = SOURCE.frames.clone()
    bound = registry.perturbation(name, registry.schema(name)())
    footage = Footage(ClipSource(SOURCE), ClipSource(SOURCE))
    bound.apply(CLIP.cut(Segment(2, 6)), rng=rng_for(0), footage=footage).zero_()
    assert torch.equal(before, SOURCE.frames)
