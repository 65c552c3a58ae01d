"""The perturbations, each alone."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import ValidationError

from videossr import Clip, Footage
from videossr.seeds import rng_for
from videossr_perturbations.blur import gaussian

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from videossr.registry import Registry

_PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
NAMES = tuple(tomllib.loads(_PYPROJECT.read_text())["project"]["entry-points"]["videossr"])

#: Those that change when pictures are shown, not what is on them.
TEMPORAL = ("freeze", "reverse", "shuffle", "stutter_hold")

#: Those that take frames from elsewhere; test_footage.py looks at which.
SOURCED = ("fast_forward", "slow_motion", "swap")

PICTORIAL = tuple(name for name in NAMES if name not in TEMPORAL + SOURCED)


def clip_of(picture: Tensor, frames: int = 1) -> Clip:
    """A clip that shows one picture, uint8 [3, H, W], again and again."""
    return Clip(picture.expand(frames, -1, -1, -1), torch.arange(frames, dtype=torch.float64))


def grey(rows: list[list[int]]) -> Tensor:
    """A grey picture, uint8 [3, H, W], from its rows."""
    return torch.tensor(rows, dtype=torch.uint8).expand(3, -1, -1)


@pytest.fixture
def perturb(registry: Registry) -> Callable[..., Tensor]:
    """Applies a perturbation by name, with settings."""

    def apply(name: str, clip: Clip, seed: int = 0, **settings: Any) -> Tensor:  # noqa: ANN401
        config = registry.schema(name)(**settings)
        footage = Footage.noise(clip.times, (clip.height, clip.width), 0)
        perturbation = registry.perturbation(name, config)
        return perturbation.apply(clip, rng=rng_for(seed), footage=footage)

    return apply


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(32, 48), (48, 32), (33, 33), (1, 5)])
def test_every_perturbation_gives_new_frames_of_the_same_shape(
    name: str,
    height: int,
    width: int,
    make_clip: Callable[..., Clip],
    perturb: Callable[..., Tensor],
) -> None:
    """The result has the segment's shape and dtype and memory of its own; the segment stays as it was."""
    clip = make_clip(5, height, width)
    before = clip.frames.clone()
    after = perturb(name, clip)
    assert (after.shape, after.dtype) == (before.shape, torch.uint8)
    after.zero_()
    assert torch.equal(clip.frames, before)


@pytest.mark.parametrize("name", PICTORIAL)
def test_every_perturbation_of_pictures_changes_every_frame(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """On a textured clip no frame comes out as it went in."""
    clip = make_clip(6)
    after = perturb(name, clip)
    assert all(not torch.equal(*pair) for pair in zip(after, clip.frames, strict=True))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("noise", *SOURCED)])
def test_every_perturbation_treats_all_frames_alike(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """Equal frames stay equal: nothing is drawn anew from frame to frame, but for the noise."""
    after = perturb(name, clip_of(make_clip(1).frames[0], frames=4))
    assert all(torch.equal(frame, after[0]) for frame in after)


@pytest.mark.parametrize("name", NAMES)
def test_every_perturbation_follows_its_seed(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """The same seed gives the same bytes."""
    clip = make_clip(4, 64, 64)
    assert torch.equal(perturb(name, clip, seed=3), perturb(name, clip, seed=3))


@pytest.mark.parametrize("name", ["zoom_in", "zoom_out", "noise", "occlusion", "swap"])
def test_what_is_drawn_follows_the_seed(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """Other seeds give other factors, noise, places."""
    clip = make_clip(1, 64, 64)
    first, *others = (perturb(name, clip, seed=seed) for seed in range(6))
    assert any(not torch.equal(first, other) for other in others)


def test_channel_swap_exchanges_red_and_blue(perturb: Callable[..., Tensor]) -> None:
    """By hand: orange (255, 128, 0) becomes azure (0, 128, 255)."""
    orange = torch.tensor([255, 128, 0], dtype=torch.uint8)[:, None, None]
    assert perturb("channel_swap", clip_of(orange)).flatten().tolist() == [0, 128, 255]


def test_invert_takes_from_255(perturb: Callable[..., Tensor]) -> None:
    """By hand: 0, 30, 255 become 255, 225, 0."""
    assert perturb("invert", clip_of(grey([[0, 30, 255]])))[0, 0].tolist() == [[255, 225, 0]]


def test_mirror_reverses_rows(perturb: Callable[..., Tensor]) -> None:
    """By hand: each row backwards, the rows in their order."""
    after = perturb("mirror", clip_of(grey([[1, 2, 3], [4, 5, 6]])))
    assert after[0, 0].tolist() == [[3, 2, 1], [6, 5, 4]]


def numbered(frames: int) -> Clip:
    """A clip whose frames tell their number."""
    levels = torch.arange(frames, dtype=torch.uint8)[:, None, None, None]
    return Clip(levels.expand(-1, 3, 2, 2).contiguous(), torch.arange(frames).double())


def order(frames: Tensor) -> list[int]:
    """The numbers that numbered frames tell."""
    assert torch.equal(frames, frames[:, :1, :1, :1].expand_as(frames))
    return frames[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("name", TEMPORAL)
def test_pictures_move_and_stay_as_they_are(name: str, perturb: Callable[..., Tensor]) -> None:
    """Temporal perturbations show frames of the segment, in another order than theirs."""
    for seed in range(20):
        shown = order(perturb(name, numbered(8), seed=seed))
        assert set(shown) <= set(range(8))
        assert shown != list(range(8))


def test_reverse_runs_backwards(perturb: Callable[..., Tensor]) -> None:
    """By hand."""
    assert [4, 3, 2, 1, 0] == order(perturb("reverse", numbered(5)))


def test_freeze_stands_still(perturb: Callable[..., Tensor]) -> None:
    """On the first frame of the segment."""
    assert [0] * 5 == order(perturb("freeze", numbered(5)))


def test_shuffle_shows_every_frame_once(perturb: Callable[..., Tensor]) -> None:
    """In an order that is never the right one, not even of two; and all wrong ones come up."""
    assert [1, 0] == order(perturb("shuffle", numbered(2)))
    orders = {tuple(order(perturb("shuffle", numbered(3), seed=seed))) for seed in range(60)}
    assert {(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)} == orders
    assert [0] == order(perturb("shuffle", numbered(1)))


@pytest.mark.parametrize(
    ("held", "expected"), [(1, [0] * 8), (2, [0] * 4 + [4] * 4), (3, [0, 0, 0, 3, 3, 3, 6, 6])]
)
def test_stutter_hold_holds_as_many_frames_as_told(
    held: int, expected: list[int], perturb: Callable[..., Tensor]
) -> None:
    """By hand, of eight frames; more than there are hold each for itself."""
    assert expected == order(perturb("stutter_hold", numbered(8), least=held, greatest=held))
    assert [0, 1] == order(perturb("stutter_hold", numbered(2), least=5, greatest=5))


def test_flip_reverses_columns(perturb: Callable[..., Tensor]) -> None:
    """By hand: the rows in reverse, each as it was."""
    after = perturb("flip", clip_of(grey([[1, 2, 3], [4, 5, 6]])))
    assert after[0, 0].tolist() == [[4, 5, 6], [1, 2, 3]]


@pytest.mark.parametrize(
    ("colour", "brightness"),
    # by hand: 77 * 255 / 256 = 76.7, 150 * 255 / 256 = 149.4, 29 * 255 / 256 = 28.9
    [((255, 0, 0), 77), ((0, 255, 0), 149), ((0, 0, 255), 29), ((255,) * 3, 255), ((7,) * 3, 7)],
)
def test_grayscale_keeps_the_brightness(
    colour: tuple[int, int, int], brightness: int, perturb: Callable[..., Tensor]
) -> None:
    """By hand, with the weights of ITU-R BT.601."""
    picture = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    assert perturb("grayscale", clip_of(picture)).flatten().tolist() == [brightness] * 3


def test_saturation_moves_colours_away_from_grey(perturb: Callable[..., Tensor]) -> None:
    """By hand: (120, 100, 80) is 104 bright, so twice as far is (136, 96, 56); grey stays grey."""
    picture = torch.tensor([120, 100, 80], dtype=torch.uint8)[:, None, None]
    # 77 * 120 + 150 * 100 + 29 * 80 = 26560, and that / 256 = 103.75
    assert perturb("saturation", clip_of(picture)).flatten().tolist() == [136, 96, 56]
    assert perturb("saturation", clip_of(picture), factor=0).flatten().tolist() == [104] * 3
    assert perturb("saturation", clip_of(picture), factor=1).flatten().tolist() == [120, 100, 80]
    assert perturb("saturation", clip_of(picture), factor=8).flatten().tolist() == [232, 72, 0]


def test_blur_spreads_by_a_gaussian(perturb: Callable[..., Tensor]) -> None:
    """A white line of one pixel: most of it stays at the line, it falls off alike to both sides."""
    picture = torch.zeros(3, 32, 33, dtype=torch.uint8)
    picture[:, :, 16] = 255
    row = perturb("blur", clip_of(picture), radius=2.0)[0, 0, 16].tolist()
    assert row == row[::-1]
    # 255 / (2 * sqrt(2 pi)) = 50.9, and a radius away exp(-1/2) of that
    assert abs(row[16] - 51) <= 1
    assert abs(row[18] - 51 * math.exp(-0.5)) <= 1.5
    assert row[0] == 0
    assert perturb("blur", clip_of(grey([[9] * 5] * 5)))[0, 0].tolist() == [[9] * 5] * 5


@pytest.mark.parametrize("radius", [0.5, 2.0, 7.3, 16.0])
def test_blur_is_exact(
    radius: float, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """The same as in floating point with twice the digits, to the bit, so alike on all processors."""
    clip = make_clip(2, 24, 40)
    weights = torch.tensor(gaussian(radius), dtype=torch.float64)
    assert int(weights.sum()) == 256
    reach = len(weights) // 2
    planes = clip.frames.flatten(0, 1)[:, None].double()
    planes = torch.nn.functional.pad(planes, (reach,) * 4, mode="replicate")
    across = torch.nn.functional.conv2d(planes, weights[None, None, None])
    exact = torch.nn.functional.conv2d(across, weights[None, None, :, None])
    expected = ((exact + 2**15) // 2**16).to(torch.uint8).view(clip.frames.shape)
    assert torch.equal(expected, perturb("blur", clip, radius=radius))


def test_noise_is_gaussian(perturb: Callable[..., Tensor]) -> None:
    """On middle grey: its mean, its standard deviation, and the share within one of them."""
    clip = clip_of(torch.full((3, 64, 64), 128, dtype=torch.uint8), frames=4)
    added = perturb("noise", clip, least=20, greatest=20).double() - 128
    assert abs(float(added.mean())) < 0.5
    assert float(added.std()) == pytest.approx(20, abs=0.5)
    assert float((added.abs() <= 20).double().mean()) == pytest.approx(0.69, abs=0.01)
    first, second, *_ = added
    assert not torch.equal(first, second)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_occlusion_covers_its_share(share: float, perturb: Callable[..., Tensor]) -> None:
    """Half of each side for a quarter of a white picture, in one piece and in the same place."""
    white = clip_of(torch.full((3, 16, 24), 255, dtype=torch.uint8), frames=3)
    after = perturb("occlusion", white, share=share)
    covered = after[0, 0] == 0
    assert float(covered.double().mean()) == share
    rows, columns = covered.any(1).sum(), covered.any(0).sum()
    assert int(rows * columns) == int(covered.sum())


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(90, [[3, 1], [4, 2]]), (180, [[4, 3], [2, 1]]), (270, [[2, 4], [1, 3]])],
)
def test_rotate_turns_clockwise(
    degrees: int, expected: list[list[int]], perturb: Callable[..., Tensor]
) -> None:
    """By hand: [[1, 2], [3, 4]] turned to the right by 90 degrees has 3 at the top left."""
    assert (
        perturb("rotate", clip_of(grey([[1, 2], [3, 4]])), degrees=degrees)[0, 0].tolist()
        == expected
    )


@pytest.mark.parametrize("degrees", [90, 270])
@pytest.mark.parametrize(
    ("height", "width", "columns", "rows"),
    [(4, 8, range(3, 5), range(4)), (8, 4, range(4), range(3, 5))],
)
def test_a_quarter_turn_fits_inside_on_black(
    *,
    degrees: int,
    height: int,
    width: int,
    columns: range,
    rows: range,
    perturb: Callable[..., Tensor],
) -> None:
    """By hand: 4 x 8 turned is 8 x 4; half of that, 4 x 2, fits and stands in columns 3 and 4."""
    white = torch.full((3, height, width), 255, dtype=torch.uint8)
    expected = [[255 * (x in columns and y in rows) for x in range(width)] for y in range(height)]
    assert perturb("rotate", clip_of(white), degrees=degrees)[0, 0].tolist() == expected


def test_rotate_turns_by_180_unless_told(
    make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """The default is the paper's half turn, which is its own inverse."""
    clip = make_clip(2)
    turned = perturb("rotate", clip)
    assert torch.equal(turned, clip.frames.flip(2, 3))


def test_zoom_in_shows_the_middle(perturb: Callable[..., Tensor]) -> None:
    """By hand: at factor 2 only the middle 4 x 4 of 8 x 8 is left, here all white."""
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    picture[:, 2:6, 2:6] = 255
    after = perturb("zoom_in", clip_of(picture), least=2, greatest=2)
    assert int(after.min()) == 255


def test_zoom_out_leaves_a_black_border(perturb: Callable[..., Tensor]) -> None:
    """By hand: at factor 2, 8 x 8 becomes 4 x 4 with two black pixels all round."""
    white = torch.full((3, 8, 8), 255, dtype=torch.uint8)
    expected = torch.zeros(8, 8, dtype=torch.uint8)
    expected[2:6, 2:6] = 255
    after = perturb("zoom_out", clip_of(white), least=2, greatest=2)
    assert torch.equal(after[0], expected.expand(3, -1, -1))


def test_zoom_out_smooths_what_it_shrinks(perturb: Callable[..., Tensor]) -> None:
    """Antialiased: at factor 4 the two white columns of every four turn grey, though white in its middle."""
    stripes = torch.zeros(3, 32, 32, dtype=torch.uint8)
    stripes[:, :, 1::4] = stripes[:, :, 2::4] = 255
    after = perturb("zoom_out", clip_of(stripes), least=4, greatest=4)
    inside = after[0, :, 12:20, 13:19]
    assert 100 < int(inside.min()) <= int(inside.max()) < 200


@pytest.mark.parametrize(
    ("name", "least", "greatest"),
    [
        ("zoom_in", 1.4, 1.2),
        ("zoom_out", 1.4, 1.2),
        ("noise", 40, 20),
        ("stutter_hold", 4, 2),
        ("fast_forward", 4, 2),
        ("slow_motion", 4, 2),
    ],
)
def test_bounds_must_be_in_order(
    name: str, least: float, greatest: float, registry: Registry
) -> None:
    """A largest value under the smallest is refused, with both figures."""
    with pytest.raises(ValidationError, match=f"greatest {greatest} is less than least {least}"):
        registry.schema(name)(least=least, greatest=greatest)


def test_rotate_refuses_other_angles(registry: Registry) -> None:
    """Only quarter turns keep the picture's pixels."""
    with pytest.raises(ValidationError, match="90, 180 or 270"):
        registry.schema("rotate")(degrees=45)


@pytest.mark.parametrize("name", NAMES)
def test_every_perturbation_describes_itself(name: str, registry: Registry) -> None:
    """Each works in the registry, says what a viewer sees, and refuses unknown settings."""
    origin = registry.origin(name)
    assert (origin.state, origin.kind) == ("enabled", "perturbation")
    perturbation = registry.perturbation(name, registry.schema(name)())
    assert perturbation.phrase not in {"", origin.summary}
    with pytest.raises(ValidationError, match="Extra inputs"):
        registry.schema(name)(surprise=1)
    fields = registry.schema(name).model_fields.values()
    assert all(field.description for field in fields)
