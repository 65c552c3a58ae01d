"""The shapes of object counting: their geometry, their look by difficulty, and whether they can be seen."""

from __future__ import annotations

import math
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videossr import Clip, Unsuitable
from videossr.draw import uniform
from videossr.seeds import rng_for
from videossr_counting.placing import Ground
from videossr_counting.shapes import (
    COLORS,
    KINDS,
    LEAST_PIXELS,
    MARGIN,
    REACH,
    Kind,
    Shape,
    coverage,
    inside_and_around,
    paint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from videossr import Sample
    from videossr.facades import Task

FINE = 16  # points along a side of a pixel

#: How many times the square of the radius each kind covers, worked out by hand from its geometry.
AREAS: dict[Kind, float] = {
    "circle": math.pi,
    "square": 2.0,
    "triangle": 3 * math.sqrt(3) / 4,
    "pentagon": 5 / 2 * math.sin(math.radians(72)),
    # ten triangles between the centre, a point and a notch, which is cos 72 / cos 36 as far out
    "star": 5
    * math.sin(math.radians(36))
    * math.cos(math.radians(72))
    / math.cos(math.radians(36)),
    "rectangle": 8 / 5,  # 4 l w with l = 2 w and l^2 + w^2 = 1
}


def alone(kind: Kind, radius: float, angle: float = 0.0, x: float = 30.3, y: float = 40.8) -> Shape:
    """A white shape on the first frame."""
    return Shape(0, kind, x, y, radius, angle, (255, 255, 255))


def corners(shape: Shape) -> list[tuple[float, float]]:
    """Where the corners of a polygon are, in order around it, from trigonometry alone."""
    around: list[tuple[float, float]]  # degrees from the angle, and share of the radius
    match shape.kind:
        case "star":
            notch = math.cos(math.radians(72)) / math.cos(math.radians(36))
            around = [(36 * i, notch if i % 2 else 1.0) for i in range(10)]
        case "rectangle":
            flat = math.degrees(math.atan2(1, 2))
            around = [(flat, 1.0), (180 - flat, 1.0), (180 + flat, 1.0), (-flat, 1.0)]
        case kind:
            sides = {"triangle": 3, "square": 4, "pentagon": 5}[kind]
            around = [(360 * (i + 0.5) / sides, 1.0) for i in range(sides)]
    turned = [(math.radians(shape.angle + degrees), share) for degrees, share in around]
    return [
        (shape.x + shape.radius * share * math.cos(a), shape.y + shape.radius * share * math.sin(a))
        for a, share in turned
    ]


def covered(shape: Shape, rows: slice, columns: slice) -> Tensor:
    """The share of each pixel that lies in a shape, by asking of 256 points whether they do."""
    y = (torch.arange(FINE * (rows.stop - rows.start)) + 0.5)[:, None] / FINE + rows.start
    x = (torch.arange(FINE * (columns.stop - columns.start)) + 0.5)[None, :] / FINE + columns.start
    if shape.kind == "circle":
        inside = (x - shape.x) ** 2 + (y - shape.y) ** 2 <= shape.radius**2
    else:
        # inside if a ray to the right crosses the outline an odd number of times
        inside = torch.zeros(len(y), x.shape[1], dtype=torch.bool)
        places = corners(shape)
        for (x0, y0), (x1, y1) in zip(places, [*places[1:], places[0]], strict=True):
            if y0 != y1:
                crossed = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
                inside ^= ((y > y0) != (y > y1)) & (x < crossed)
    cells = inside.double().unfold(0, FINE, FINE).unfold(1, FINE, FINE)
    return cells.mean((2, 3))


def sample_of(task: Task, clip: Clip, seed: int = 0, difficulty: float = 0.5) -> Sample:
    """One question about a clip."""
    return task.make_sample(clip, difficulty=difficulty, rng=rng_for(seed))


def even(level: int = 0, height: int = 64, width: int = 96) -> Clip:
    """A clip of 48 frames of one grey level."""
    picture = torch.full((48, 3, height, width), level, dtype=torch.uint8)
    return Clip(picture, torch.arange(48, dtype=torch.float64) / 2)


def striped(every: int) -> Clip:
    """A black clip with one column of pure red in so many."""
    frames = even().frames.clone()
    frames[:, 0, :, ::every] = 255
    return even().with_frames(frames)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0, 200.5])
def test_shapes_have_the_area_of_their_geometry(kind: Kind, angle: float) -> None:
    """Shapes in a circle of radius 20 cover what the formulas say, around their centre."""
    (rows, columns), share = coverage(alone(kind, 20.0, angle))
    assert float(share.sum()) == pytest.approx(AREAS[kind] * 20**2, rel=0.01)
    # the slices and the box agree, the middle of the mass is the centre, and nothing is cut off
    assert share.shape == (rows.stop - rows.start, columns.stop - columns.start)
    x = torch.arange(columns.start, columns.stop) + 0.5
    y = torch.arange(rows.start, rows.stop) + 0.5
    assert float((share.sum(0) * x).sum() / share.sum()) == pytest.approx(30.3, abs=0.05)
    assert float((share.sum(1) * y).sum() / share.sum()) == pytest.approx(40.8, abs=0.05)
    assert float(torch.cat([share[0], share[-1], share[:, 0], share[:, -1]]).max()) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("angle", [0.0, 33.0, 171.3])
def test_every_pixel_is_covered_as_much_as_the_outline_says(kind: Kind, angle: float) -> None:
    """By 256 points a pixel: on average over the edge within 4 %, and nowhere off by more than a third.

    The most is at the corners, sharp ones above all: a distance knows one side at a time.
    """
    shape = alone(kind, 12.0, angle)
    place, share = coverage(shape)
    true = covered(shape, *place)
    edge = (true > 0) & (true < 1)
    off = (share - true).abs()
    assert float(off[edge].mean()) < 0.04
    assert float(off.max()) < 1 / 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_shapes_are_told_apart(kind: Kind) -> None:
    """A shape of the fewest pixels looks least unlike one of its own kind, of any size, at any angle.

    Of two kinds in one question none is drawn smaller than either may be.
    """
    rng = rng_for("smallest", kind)
    for other in KINDS:
        radius = max(LEAST_PIXELS[kind], LEAST_PIXELS[other]) / 2
        for _ in range(3):
            x, y = uniform(rng, 12, 13), uniform(rng, 12, 13)
            black = torch.zeros(1, 3, 25, 25, dtype=torch.uint8)
            seen = paint(black, [alone(kind, radius, uniform(rng, 0, 360), x, y)])[0, 0].double()
            nearest = {}
            for candidate in {kind, other}:
                turns = [0] if candidate == "circle" else range(0, 180, 9)
                looks = [
                    paint(black, [alone(candidate, scale * radius, turn, x, y)])[0, 0]
                    for scale, turn in product((0.8, 0.9, 1.0, 1.1, 1.2), turns)
                ]
                nearest[candidate] = float((torch.stack(looks) - seen).square().sum((1, 2)).min())
            assert min(nearest, key=nearest.__getitem__) == kind


@given(st.integers(300, 9_999), st.sampled_from(KINDS))
def test_a_shape_at_the_border_stays_in_the_frame(hundredths: int, kind: Kind) -> None:
    """However its place is rounded, as near as shapes are placed none reaches past either border."""
    radius = hundredths / 100
    near = round(radius + MARGIN, 2)
    far = round(256 - (radius + MARGIN), 2)
    (rows, columns), _ = coverage(alone(kind, radius, 0.0, near, far))
    assert columns.start >= 0
    assert rows.stop <= 256


def test_a_star_points_where_its_angle_says() -> None:
    """By hand: at 0 degrees, of radius 20 at 30, it reaches to 50 on the right and to 13.8 on the left."""
    (_, columns), share = coverage(alone("star", 20.0, 0.0, 30.0, 30.5))
    reached = (share > 0).any(0).nonzero().flatten() + columns.start
    # The smooth edge of a point goes on for 0.5 / sin 18 degrees = 1.6 pixels, to the right just that.
    assert int(reached[-1]) == 51
    assert int(reached[0]) in (12, 13)


def test_a_rectangle_is_twice_as_long_as_wide() -> None:
    """By hand: in a circle of radius sqrt 5 * 4 it measures 16 by 8, its length along its angle."""
    (rows, columns), share = coverage(alone("rectangle", 4 * math.sqrt(5), 0.0, 20.0, 20.0))
    full = (share > 0.99).nonzero()
    assert (full.amin(0) + torch.tensor([rows.start, columns.start])).tolist() == [16, 12]
    assert (full.amax(0) + torch.tensor([rows.start, columns.start])).tolist() == [23, 27]
    assert float(share.sum()) == pytest.approx(16 * 8)


def test_colours_of_kinds_are_distinct_and_saturated() -> None:
    """Of every kind one; each full and none in some channel; any two differ fully in one at least."""
    assert set(COLORS) == set(KINDS)
    assert all({0, 255} == set(color) for color in COLORS.values())
    for one, other in combinations(COLORS.values(), 2):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) == 255


@pytest.mark.parametrize("kind", KINDS)
def test_the_ring_lies_just_around_the_outline(kind: Kind) -> None:
    """It holds no pixel that the shape touches, none beyond the reach, and goes all the way around."""
    shape = alone(kind, 12.0, 20.0)
    (rows, columns), inside, around = inside_and_around(shape)
    _, share = coverage(shape)
    assert not (around & (share > 0)).any()
    y, x = (places + 0.5 for places in around.nonzero().double().unbind(1))
    distances = (x + columns.start - shape.x).hypot(y + rows.start - shape.y)
    assert float(distances.max()) <= 12 + REACH
    turns = torch.atan2(y + rows.start - shape.y, x + columns.start - shape.x).mul(18 / math.pi)
    assert set(turns.floor().int().tolist()) == set(range(-18, 18))
    assert inside.equal(share > 0.5)


@pytest.mark.parametrize(("told", "shows"), [(10, True), (9, True), (8, False)])
def test_an_outline_shows_if_nine_tenths_around_it_are_told_from_it(told: int, shows: bool) -> None:
    """By hand, at a contrast of 60: white on black, with ten pixels around of which some are 30 darker."""
    ring = torch.full((3, 10), 255 - 29, dtype=torch.int32)
    ring[:, :told] = 255 - 30
    assert Ground((0, 0, 0), 50, ring).shows((255, 255, 255), 60) == shows


@pytest.mark.parametrize(("total", "shows"), [(120 * 7, True), (120 * 7 - 1, False)])
def test_a_colour_shows_on_an_average_just_far_enough_off(total: int, shows: bool) -> None:
    """By hand, at a contrast of 40: black on 7 pixels whose channels sum up to 3 * 40 * 7, or one less."""
    ring = torch.full((3, 10), 255, dtype=torch.int32)
    assert Ground((total, 0, 0), 7, ring).shows((0, 0, 0), 40) == shows


def test_a_shape_is_not_placed_where_its_outline_is_lost(bind_task: Callable[..., Task]) -> None:
    """Red circles on black with red stripes: far enough from the average both times, by 64 and 80.

    Where each fourth column is red, a quarter of what is around the circle can't be told from it; of
    each sixteenth, less than a tenth.
    """
    task = bind_task("counting", colors="by_kind", kinds=("circle",), max_instances=1)
    with pytest.raises(Unsuitable, match="no place where a shape stands out"):
        sample_of(task, striped(4))
    assert sample_of(task, striped(16)).target["counts"][0] > 0


@pytest.mark.parametrize("seed", range(4))
def test_all_six_kinds_are_counted_as_drawn(seed: int, bind_task: Callable[..., Task]) -> None:
    """On black, patches of each kind's colour; the prompt names all six and its example has six numbers."""
    task = bind_task("counting", kinds=KINDS, colors="by_kind")
    sample = sample_of(task, even(height=96), seed)
    shown = sample.clips[0].frames
    for kind, count in zip(KINDS, sample.target["counts"], strict=True):
        own = torch.tensor(COLORS[kind], dtype=torch.uint8)[:, None, None]
        placed = [shape for shape in sample.target["shapes"] if shape["kind"] == kind]
        assert len(placed) == count > 0
        for shape in placed:
            middle = shown[shape["frame"], :, int(shape["y"]), int(shape["x"])]
            assert middle.equal(own.flatten())
    assert "circles, squares, triangles, pentagons, stars, rectangles" in sample.question
    assert sample.question.endswith("as in 3,1,4,1,5,9.")
    assert task.score(sample.answer, sample.answer, sample.target).value == 1.0


@pytest.mark.parametrize(
    ("kinds", "needed"), [(("circle",), 30), (("circle", "rectangle"), 40), (("pentagon",), 60)]
)
def test_kinds_that_need_more_pixels_need_larger_frames(
    kinds: tuple[Kind, ...], needed: int, bind_task: Callable[..., Task]
) -> None:
    """By hand: of 20 %, 6 pixels need a short side of 30, 8 need 40 and 12 need 60."""
    task = bind_task("counting", kinds=kinds)
    with pytest.raises(Unsuitable, match=f"needs at least {needed}$"):
        sample_of(task, even(height=needed - 1))
    assert sample_of(task, even(height=needed))


@pytest.mark.parametrize(("difficulty", "most"), [(0.0, 30), (0.5, 360), (1.0, 360)])
def test_difficulty_bounds_the_angle(
    difficulty: float, most: int, bind_task: Callable[..., Task]
) -> None:
    """Over many draws, from about 0 to about the level's most degrees."""
    task = bind_task("counting")
    angles = [
        shape["angle"]
        for seed in range(12)
        for shape in sample_of(task, even(), seed, difficulty).target["shapes"]
    ]
    assert 0 <= min(angles) < 0.1 * most
    assert 0.9 * most < max(angles) <= most


@pytest.mark.parametrize(("difficulty", "contrast"), [(0.0, 80), (0.5, 60), (1.0, 40)])
def test_difficulty_bounds_the_contrast(
    difficulty: float, contrast: int, bind_task: Callable[..., Task]
) -> None:
    """On middle grey, colours come as near to it as the level allows and no nearer."""
    task = bind_task("counting")
    apart = [
        sum(abs(level - 127) for level in shape["color"]) / 3
        for seed in range(12)
        for shape in sample_of(task, even(127), seed, difficulty).target["shapes"]
    ]
    assert contrast <= min(apart) < contrast + 5


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_plain_numbers_hold_at_every_difficulty(
    difficulty: float, bind_task: Callable[..., Task]
) -> None:
    """One number for each makes shapes of one look."""
    settings: dict[str, Any] = {"min_size": 0.25, "max_size": 0.25, "max_angle": 0}
    placed = sample_of(bind_task("counting", **settings), even(), 0, difficulty).target["shapes"]
    assert {(shape["radius"], shape["angle"]) for shape in placed} == {(8.0, 0.0)}
