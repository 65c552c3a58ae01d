"""Object counting, through the plugin as a run binds it."""

from __future__ import annotations

import json
import math
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from videossr import Clip, Sample, Unparsable, Unsuitable
from videossr.sample import question_prompt
from videossr.seeds import rng_for
from videossr_counting import plugin
from videossr_counting.counting import closeness, read_counts
from videossr_counting.placing import spaced_frames
from videossr_counting.shapes import Shape, coverage, paint

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from videossr.facades import Task

TRUE = {"counts": [3, 1, 4]}
KINDS = ("circle", "square", "triangle")


def sample_of(task: Task, clip: Clip, seed: int = 0, difficulty: float = 0.5) -> Sample:
    """One question about a clip."""
    return task.make_sample(clip, difficulty=difficulty, rng=rng_for(seed))


def graded(completion: str) -> float:
    """The reward against 3,1,4."""
    return float(plugin.reward(completion, TRUE))


def even(frames: int = 48, height: int = 64, width: int = 96, level: int = 0) -> Clip:
    """A clip of one grey level."""
    picture = torch.full((frames, 3, height, width), level, dtype=torch.uint8)
    return Clip(picture, torch.arange(frames, dtype=torch.float64) / 2)


def patches(mask: Tensor) -> int:
    """How many patches of set pixels, joined by sides or corners, a mask [H, W] has."""
    left = {(int(y), int(x)) for y, x in mask.nonzero()}
    found = 0
    while left:
        found += 1
        border = [left.pop()]
        while border:
            y, x = border.pop()
            near = {(y + dy, x + dx) for dy, dx in product((-1, 0, 1), repeat=2)} & left
            left -= near
            border += near
    return found


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_answer_counts_what_can_be_seen(
    seed: int, difficulty: float, bind_task: Callable[..., Task]
) -> None:
    """An independent count, of patches of each kind's colour on black frames, agrees with the answer."""
    sample = sample_of(bind_task("counting", colors="by_kind"), even(), seed, difficulty)
    lit = sample.clips[0].frames > 0
    seen = [sum(patches(frame[channel]) for frame in lit) for channel in range(3)]
    assert sample.answer == ",".join(map(str, seen))
    # one kind a frame, so one channel a frame
    assert int(lit.flatten(2).any(2).sum(1).max()) == 1


@pytest.mark.parametrize(("frames", "settings"), [(48, {}), (5, {}), (48, {"max_instances": 16})])
def test_crowded_frames_are_counted_as_drawn(
    frames: int, settings: dict[str, Any], bind_task: Callable[..., Task]
) -> None:
    """Where fewer shapes fit than were drawn by lot, the answer is what fits."""
    task = bind_task(
        "counting",
        colors="by_kind",
        **{"max_instances": 8, **settings},
        min_size=0.35,
        max_size=0.4,
    )
    for seed in range(3):
        sample = sample_of(task, even(frames, 48, 48), seed)
        lit = sample.clips[0].frames > 0
        seen = [sum(patches(frame[channel]) for frame in lit) for channel in range(3)]
        assert seen == sample.target["counts"]


@pytest.mark.parametrize("seed", range(6))
def test_random_shapes_are_counted_against_the_source(
    seed: int, bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """With random colours on texture, the solid patches that differ from the source are as many."""
    clip = make_clip(48, 64, 64)
    sample = sample_of(bind_task("counting", min_contrast=100), clip, seed)
    placed = sample.target["shapes"]
    shown = sample.clips[0].frames
    changed = (shown != clip.frames).any(1)
    assert sorted({shape["frame"] for shape in placed}) == [
        frame for frame in range(48) if changed[frame].any()
    ]
    for shape in placed:
        at = (shape["frame"], slice(None), int(shape["y"]), int(shape["x"]))
        assert shown[at].tolist() == shape["color"]


@pytest.mark.parametrize(
    ("difficulty", "least", "greatest"), [(0.0, 0.3, 0.45), (0.5, 0.2, 0.4), (1.0, 0.12, 0.3)]
)
@pytest.mark.parametrize("seed", range(8))
def test_shapes_keep_clear_of_each_other_and_of_the_border(
    seed: int,
    difficulty: float,
    least: float,
    greatest: float,
    bind_task: Callable[..., Task],
    make_clip: Callable[..., Clip],
) -> None:
    """Circles around the shapes lie in the frame, disjoint, and across as much as the level allows."""
    sample = sample_of(bind_task("counting"), make_clip(48, 64, 96), seed, difficulty)
    placed = sample.target["shapes"]
    for shape in placed:
        x, y, radius = shape["x"], shape["y"], shape["radius"]
        assert radius < min(x, y, 96 - x, 64 - y)
        assert least * 64 - 0.02 <= 2 * radius <= greatest * 64 + 0.02
    for one, other in product(placed, placed):
        if one is not other and one["frame"] == other["frame"]:
            apart = math.hypot(one["x"] - other["x"], one["y"] - other["y"])
            assert apart > one["radius"] + other["radius"]
            assert one["kind"] == other["kind"]


def test_pixels_away_from_shapes_are_the_source(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Nothing changes outside the circles around the shapes, nor any time."""
    clip = make_clip(48, 64, 96)
    sample = sample_of(bind_task("counting"), clip)
    shown = sample.clips[0]
    y = torch.arange(64)[:, None] + 0.5
    x = torch.arange(96)[None, :] + 0.5
    away = torch.ones(48, 64, 96, dtype=torch.bool)
    for shape in sample.target["shapes"]:
        inside = (x - shape["x"]) ** 2 + (y - shape["y"]) ** 2 <= (shape["radius"] + 1) ** 2
        away[shape["frame"]] &= ~inside
    changed = (shown.frames != clip.frames).any(1)
    assert not (changed & away).any()
    assert torch.equal(shown.times, clip.times)


@pytest.mark.parametrize(("difficulty", "most"), [(0.0, 2), (0.5, 3), (1.0, 5)])
def test_difficulty_bounds_frames_and_instances(
    difficulty: float, most: int, bind_task: Callable[..., Task]
) -> None:
    """Over many draws, from 1 to the level's most, of both."""
    task = bind_task("counting", min_size=0.1, max_size=0.1)
    frames, instances = set(), set()
    for seed in range(40):
        placed = sample_of(task, even(48, 64, 64), seed, difficulty).target["shapes"]
        for kind in KINDS:
            of_kind = [shape["frame"] for shape in placed if shape["kind"] == kind]
            frames.add(len(set(of_kind)))
            instances |= {of_kind.count(frame) for frame in of_kind}
    assert frames == instances == set(range(1, most + 1))


def test_frames_of_a_kind_keep_their_gap(bind_task: Callable[..., Task]) -> None:
    """In 48 frames there is always room for eight in between, and no frame holds two kinds."""
    for seed in range(40):
        placed = sample_of(bind_task("counting"), even(48, 32, 32), seed).target["shapes"]
        by_kind = [sorted({s["frame"] for s in placed if s["kind"] == kind}) for kind in KINDS]
        for frames in by_kind:
            assert all(b - a >= 8 for a, b in pairwise(frames))
        assert len(set().union(*by_kind)) == sum(map(len, by_kind))


def test_the_gap_shrinks_to_what_the_clip_holds() -> None:
    """By hand: three frames of ten can lie four apart (0, 4, 8) but not five (0, 5, 10)."""
    for seed in range(20):
        frames = spaced_frames(10, 3, 8, set(), rng_for(seed))
        gaps = [b - a for a, b in pairwise(frames)]
        assert min(gaps) >= 4


def test_frames_are_found_where_hardly_any_are_free() -> None:
    """With all but two of ten frames taken, those two are chosen."""
    assert spaced_frames(10, 2, 8, set(range(10)) - {4, 5}, rng_for(0)) == [4, 5]


def test_as_many_frames_as_kinds_are_enough(bind_task: Callable[..., Task]) -> None:
    """Three frames hold one kind each; two are unsuitable."""
    task = bind_task("counting")
    placed = sample_of(task, even(3)).target["shapes"]
    assert {(shape["kind"]) for shape in placed} == set(KINDS)
    with pytest.raises(Unsuitable, match=r"^2 frames; needs at least 3$"):
        sample_of(task, even(2))


def test_tiny_frames_are_unsuitable(bind_task: Callable[..., Task]) -> None:
    """By hand: a shape of 20 % and at least 6 pixels needs a short side of 30."""
    task = bind_task("counting")
    with pytest.raises(Unsuitable, match=r"^29 pixels on the short side; needs at least 30$"):
        sample_of(task, even(height=29))
    assert sample_of(task, even(height=30))


def test_fixed_colours_that_cannot_be_seen_are_not_counted(bind_task: Callable[..., Task]) -> None:
    """On a red clip no red circle is drawn and the answer says so; where only circles go, unsuitable."""
    clip = even()
    red = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None, None].expand(48, -1, 64, 96)
    sample = sample_of(bind_task("counting", colors="by_kind"), clip.with_frames(red))
    assert sample.target["counts"][0] == 0
    assert sample.answer.startswith("0,")
    assert min(sample.target["counts"][1:]) > 0
    circles = bind_task("counting", colors="by_kind", kinds=("circle",))
    with pytest.raises(Unsuitable, match="no place where a shape stands out"):
        sample_of(circles, clip.with_frames(red))


@pytest.mark.parametrize("level", [0, 127, 255])
@pytest.mark.parametrize("contrast", [60, 127])
def test_random_colours_stand_out(
    level: int, contrast: int, bind_task: Callable[..., Task]
) -> None:
    """On whatever grey, the three channels differ from it by the contrast on average."""
    task = bind_task("counting", min_contrast=contrast)
    placed = [
        s for seed in range(5) for s in sample_of(task, even(level=level), seed).target["shapes"]
    ]
    differences = [sum(abs(c - level) for c in shape["color"]) / 3 for shape in placed]
    assert min(differences) >= contrast
    assert len({tuple(shape["color"]) for shape in placed}) > 1 or contrast == 127


def test_angle_turns_clockwise_from_an_edge_that_faces_right() -> None:
    """By hand: a triangle at 0 degrees has its edge to the right and a corner to the left."""
    (_, columns), share = coverage(Shape(0, "triangle", 30.0, 30.0, 20.0, 0.0, (0, 0, 0)))
    widths = (share > 0.5).sum(0)
    # The edge is at x = 40, as long as sqrt(3) * 20 = 34.6; the corner, at x = 10, is too thin to fill
    # the first pixel that it reaches into.
    covered = (widths > 0).nonzero().flatten() + columns.start
    assert int(covered[0]) == 11
    assert int(covered[-1]) == 39
    assert 33 <= int(widths.max()) <= 35


def test_edges_are_smooth() -> None:
    """A white circle on black has a full middle, an empty outside and greys in between."""
    (frame,) = paint(even(1).frames, [Shape(0, "circle", 48.0, 32.0, 12.0, 0.0, (255, 255, 255))])
    levels = frame[0].unique().tolist()
    assert levels[0] == 0
    assert levels[-1] == 255
    assert len(levels) > 6
    # By hand, along the row through the centre: pixel centres 11.5 and less from it are full.
    row = frame[0, 32]
    assert row[48 - 11 : 48 + 11].unique().tolist() == [255]
    assert row[: 48 - 13].max() == 0


def test_counts_of_this_version_never_move(bind_task: Callable[..., Task]) -> None:
    """Recorded, not worked out: whoever moves these changes every stored recipe and needs a new version."""
    task = bind_task("counting")
    answers = [
        task.make_sample(even(48, 64, 64), difficulty=0.5, rng=rng_for("golden", i)).answer
        for i in range(4)
    ]
    assert (plugin.version, answers) == ("2", ["7,7,7", "1,3,7", "2,3,5", "2,1,6"])


def test_a_seed_decides_the_shapes(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """The same seed gives the same sample to the bit; other seeds give others; the source stays."""
    task, clip = bind_task("counting"), make_clip()
    before = clip.frames.clone()
    digests = [sample_of(task, clip, seed).digest() for seed in range(5)]
    assert digests == [sample_of(task, clip, seed).digest() for seed in range(5)]
    assert len(set(digests)) == 5
    assert torch.equal(clip.frames, before)


@pytest.mark.parametrize(
    ("kinds", "names", "example"),
    [
        (KINDS, "circles, squares, triangles", [3, 1, 4]),
        (("triangle", "circle"), "triangles, circles", [3, 1]),
        (("square",), "squares", [3]),
    ],
)
def test_prompt_names_the_kinds_in_the_answers_order(
    kinds: tuple[str, ...], names: str, example: list[int], bind_task: Callable[..., Task]
) -> None:
    """Video first, then at most 36 words whose example the parser accepts."""
    task = bind_task("counting", kinds=kinds)
    sample = sample_of(task, even())
    assert [part["type"] for part in sample.prompt[0]["content"]] == ["video", "text"]
    assert f"How many {names} are there" in sample.question
    assert len(sample.question.split()) <= 36
    assert read_counts(sample.question.split("as in ")[1], len(kinds)) == example
    drawn = [shape["kind"] for shape in sample.target["shapes"]]
    assert sample.answer == ",".join(str(drawn.count(kind)) for kind in kinds)


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("3,1,4", 1.0),
        ("3,1,3", (1 + 1 + 0.75) / 3),
        ("2,1,4", (2 / 3 + 1 + 1) / 3),
        ("3,2,4", 2 / 3),  # twice the count earns nothing
        ("6,0,0", 0.0),
        ("999999,1,4", 2 / 3),
        ("0,0,0", 0.0),
    ],
)
def test_reward_is_the_mean_relative_closeness(completion: str, reward: float) -> None:
    """Worked out by hand against 3,1,4."""
    assert graded(completion) == pytest.approx(reward, abs=1e-5)


def test_reward_falls_with_every_count_that_is_off() -> None:
    """Each step away from the truth is worth less."""
    rewards = [graded(f"{3 - off},1,{4 + off}") for off in range(4)]
    assert rewards[0] == 1.0
    assert all(near > far for near, far in pairwise(rewards))


@pytest.mark.parametrize(
    "completion",
    [
        "3,1,4",
        " 3, 1, 4\n",
        "3 , 1 , 4.",
        "03,01,04",
        "```\n3,1,4\n```",
        "```text\n3, 1, 4```",
    ],
)
def test_forgiven_counts_score_in_full(completion: str) -> None:
    """Form is forgiven: spaces, a full stop, leading zeros, a code fence."""
    assert graded(completion) == 1.0


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "3",
        "3,1",
        "3,1,4,1",
        "3 1 4",
        "3,,4",
        "-3,1,4",
        "3.5,1,4",
        "three,one,four",
        "circles 3, squares 1, triangles 4",
        "3,1,4 shapes",
        "```\n3,1,4",
        "3,1,4```",
        "\u0663,\u0661,\u0664",  # Arabic digits
        "\u00b3,\u00b9,\u00b2",  # superscripts, which `str.isdigit` accepts
        "1" * 10_000 + ",1,4",
        "1234567,1,4",
        "1," * 1_000_000,
        "1  , " * 39,
        "1" + " " * 198 + "x",
        "`" * 200,
    ],
)
def test_other_texts_are_no_counts(completion: str) -> None:
    """Prose, other numbers of numbers, other digits, hostile lengths: unparsable, and the form is told."""
    with pytest.raises(Unparsable, match="must be 3 whole numbers"):
        graded(completion)


@given(st.text() | st.text(alphabet="0123456789, .`\n", max_size=20))
def test_any_text_is_counts_or_unparsable(completion: str) -> None:
    """No text raises anything but `Unparsable`, and every grade is finite and in [0, 1]."""
    try:
        value = graded(completion)
    except Unparsable:
        return
    assert math.isfinite(value)
    assert 0 <= value <= 1


@given(st.lists(st.tuples(st.integers(0, 999_999), st.integers(0, 999)), min_size=1, max_size=3))
def test_closeness_of_counts_is_bounded(pairs: list[tuple[int, int]]) -> None:
    """For any counts; 1.0 exactly if and only if all are right."""
    stated, true = [list(numbers) for numbers in zip(*pairs, strict=True)]
    assert 0 <= closeness(stated, true) <= 1
    assert (closeness(stated, true) == 1.0) == (stated == true)


def test_the_answer_scores_one_from_stored_counts(bind_task: Callable[..., Task]) -> None:
    """Targets are stored with recipes; the reward has to work from the stored ones."""
    task = bind_task("counting")
    for seed in range(10):
        sample = sample_of(task, even(), seed)
        target = json.loads(json.dumps(sample.target))
        assert task.score(sample.answer, sample.answer, target).value == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_frames": 0}, "must stay from 1 to 64"),
        ({"max_instances": 17}, "must stay from 1 to 16"),
        ({"max_size": 0.1}, r"max_size is 0\.1 at easy and min_size 0\.3; must be at least that"),
        ({"min_size": 0.35}, r"max_size is 0\.3 at hard and min_size 0\.35; must be at least that"),
        (
            {"min_size": 0.04},
            r"min_size.*\n.*runs from 0\.04 to 0\.04; must stay from 0\.05 to 0\.8",
        ),
        ({"max_angle": 361}, r"max_angle.*\n.*must stay from 0 to 360"),
        ({"min_contrast": -1}, r"min_contrast.*\n.*must stay from 0 to 127"),
        ({"kinds": ("hexagon",)}, "'pentagon', 'star' or 'rectangle'"),
        ({"kinds": ("circle", "circle")}, "must each be named once"),
        ({"kinds": ()}, "at least 1 item"),
        ({"colors": "pink"}, "'random' or 'by_kind'"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_wrong_counting_settings_are_refused(
    settings: dict[str, Any], message: str, bind_task: Callable[..., Task]
) -> None:
    """The message names the bound."""
    with pytest.raises(ValidationError, match=message):
        bind_task("counting", **settings)


def test_counting_settings_survive_a_round_trip(bind_task: Callable[..., Task]) -> None:
    """What a run writes down binds to the same again; every field is described."""
    config = bind_task("counting", kinds=("square",), max_frames={"easy": 1, "hard": 9}).config
    assert bind_task("counting", **config.model_dump(mode="json")).config == config
    assert all(field.description for field in type(config).model_fields.values())


def test_near_misses_miss_by_more_and_more() -> None:
    """By hand, of 3,1,4: one too many of the first, of the first two, of all; then twice and one more."""
    sample = Sample(question_prompt(None), (even(),), "3,1,4", TRUE)
    missed = plugin.near_misses(sample)
    assert missed == ["4,1,4", "4,2,4", "4,2,5", "7,3,9"]
    # 1 - 1/3, 1 - 1/1 and 1 - 1/4 for one too many; nothing for more than twice
    expected = [(2 / 3 + 1 + 1) / 3, (2 / 3 + 0 + 1) / 3, (2 / 3 + 0 + 3 / 4) / 3, 0]
    assert [graded(answer) for answer in missed] == pytest.approx(expected, abs=1e-5)
