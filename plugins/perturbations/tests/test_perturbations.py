"""The six perturbations, each alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import ValidationError

from videossr import Clip
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from videossr.registry import Registry

NAMES = ("channel_swap", "invert", "mirror", "rotate", "zoom_in", "zoom_out")


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
        return registry.perturbation(name, config).apply(clip, rng=rng_for(seed))

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


@pytest.mark.parametrize("name", NAMES)
def test_every_perturbation_changes_every_frame(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """On a textured clip no frame comes out as it went in."""
    clip = make_clip(6)
    after = perturb(name, clip)
    assert all(not torch.equal(*pair) for pair in zip(after, clip.frames, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_every_perturbation_treats_all_frames_alike(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """Equal frames stay equal: nothing is drawn anew from frame to frame."""
    after = perturb(name, clip_of(make_clip(1).frames[0], frames=4))
    assert all(torch.equal(frame, after[0]) for frame in after)


@pytest.mark.parametrize("name", NAMES)
def test_every_perturbation_follows_its_seed(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """The same seed gives the same bytes."""
    clip = make_clip(4, 64, 64)
    assert torch.equal(perturb(name, clip, seed=3), perturb(name, clip, seed=3))


@pytest.mark.parametrize("name", ["zoom_in", "zoom_out"])
def test_zooms_draw_their_factor(
    name: str, make_clip: Callable[..., Clip], perturb: Callable[..., Tensor]
) -> None:
    """Other seeds give other factors."""
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


@pytest.mark.parametrize("name", ["zoom_in", "zoom_out"])
def test_zoom_bounds_must_be_in_order(name: str, registry: Registry) -> None:
    """A largest factor under the smallest is refused, with both figures."""
    with pytest.raises(ValidationError, match=r"greatest 1\.2 is less than least 1\.4"):
        registry.schema(name)(least=1.4, greatest=1.2)


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


@pytest.mark.parametrize("name", NAMES)
def test_importing_a_perturbation_is_light(
    name: str, imported_with: Callable[[str], set[str]]
) -> None:
    """Listing plugins must not wait for torch or numpy."""
    module = import_module(f"videossr_perturbations.{name}").__name__
    assert not {"torch", "numpy"} & imported_with(module)
