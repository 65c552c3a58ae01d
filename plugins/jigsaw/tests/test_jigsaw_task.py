"""Temporal jigsaw, through the plugin as a run binds it."""

from __future__ import annotations

import json
import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from videossr import Unparsable, Unsuitable
from videossr.seeds import rng_for
from videossr_jigsaw import plugin
from videossr_jigsaw.jigsaw import closeness, cut_up, inverse, read_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from videossr import Clip, Sample
    from videossr.facades import Task

TRUE = {"order": [3, 4, 1, 5, 6, 2]}


def sample_of(task: Task, clip: Clip, seed: int = 0, difficulty: float = 0.5) -> Sample:
    """One question about a clip."""
    return task.make_sample(clip, difficulty=difficulty, rng=rng_for(seed))


def graded(completion: str) -> float:
    """The reward against 341562."""
    return float(plugin.reward(completion, TRUE))


@pytest.mark.parametrize(("difficulty", "parts"), [(0.0, 6), (0.5, 7), (1.0, 8)])
@pytest.mark.parametrize("seed", range(5))
def test_playing_the_clips_by_the_answer_restores_the_video(
    seed: int,
    difficulty: float,
    parts: int,
    bind_task: Callable[..., Task],
    make_clip: Callable[..., Clip],
) -> None:
    """The shown clips, taken in the order of the answer's digits, are the source frame by frame."""
    clip = make_clip(48, 4, 4)
    sample = sample_of(bind_task("jigsaw"), clip, seed, difficulty)
    assert len(sample.answer) == len(sample.clips) == parts
    restored = torch.cat([sample.clips[int(digit) - 1].frames for digit in sample.answer])
    # by hand: 48 frames are 6 parts of 8, 7 of 6 with 6 frames left over, 8 of 6
    assert len(restored) == {6: 48, 7: 42, 8: 48}[parts]
    assert torch.equal(restored, clip.frames[: len(restored)])


@pytest.mark.parametrize("seed", range(5))
def test_one_video_is_restored_by_parts(
    seed: int, bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Laid out as one video, its equal parts in the answer's order are the source, at the source's times."""
    clip = make_clip(50, 4, 4)
    sample = sample_of(bind_task("jigsaw", layout="single", segments=6), clip, seed)
    (shown,) = sample.clips
    parts = shown.frames.chunk(6)
    assert torch.equal(torch.cat([parts[int(d) - 1] for d in sample.answer]), clip.frames[:48])
    assert torch.equal(shown.times, clip.times[:48])


@pytest.mark.parametrize(
    ("step", "least", "fits"), [(3, 6.0, True), (3, 6.1, False), (0, 0.1, False)]
)
def test_a_clip_that_stands_still_is_refused(
    step: int,
    least: float,
    fits: bool,
    bind_task: Callable[..., Task],
    make_clip: Callable[..., Clip],
) -> None:
    """By hand: parts of two frames, each a step lighter than the last, differ by two steps on average."""
    clip = make_clip(6, 4, 4)
    levels = torch.arange(6, dtype=torch.uint8) * step
    clip = clip.with_frames(levels[:, None, None, None].expand(6, 3, 4, 4).contiguous())
    task = bind_task("jigsaw", segments=3, min_change=least)
    if fits:
        assert len(sample_of(task, clip).clips) == 3
    else:
        with pytest.raises(Unsuitable, match=f"differ by less than {least:g} grey levels"):
            sample_of(task, clip)


def test_what_does_not_change_the_picture_on_average_is_no_change(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """One part alone that is like its neighbour will do for a refusal; without the setting all clips pass."""
    clip = make_clip(12, 4, 4)
    frames = clip.frames.clone()
    frames[4:8] = frames[:4]
    still = clip.with_frames(frames)
    assert sample_of(bind_task("jigsaw", segments=3), still)
    with pytest.raises(Unsuitable):
        sample_of(bind_task("jigsaw", segments=3, min_change=0.01), still)


def test_times_do_not_give_the_order_away(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Every separate clip starts at zero."""
    clips = sample_of(bind_task("jigsaw"), make_clip()).clips
    assert all(clip.times.tolist() == clips[0].times.tolist() for clip in clips)
    assert clips[0].times[0] == 0


@pytest.mark.parametrize("layout", ["separate", "single"])
def test_trimmed_parts_lose_frames_on_both_sides(
    layout: str, bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """By hand: 10 % of 8 frames is 0.8, so one frame goes on either side and parts keep 1-6, 9-14, ..."""
    clip = make_clip(48, 4, 4)
    sample = sample_of(bind_task("jigsaw", segments=6, trim=0.1, layout=layout), clip)
    spans = [[8 * i + 1, 8 * i + 7] for i in range(6)]
    assert sorted(sample.target["segments"]) == spans
    kept = [i for start, stop in spans for i in range(start, stop)]
    frames = torch.cat([shown.frames for shown in sample.clips])
    parts = frames.chunk(6)
    assert torch.equal(torch.cat([parts[int(d) - 1] for d in sample.answer]), clip.frames[kept])
    if layout == "single":
        assert torch.equal(sample.clips[0].times, clip.times[kept])


def test_uneven_clips_lose_frames_at_the_end(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """By hand: 47 frames in five are 9 each, which is odd, so 8 each and the last 7 left out."""
    sample = sample_of(bind_task("jigsaw", segments=5), make_clip(47, 4, 4))
    assert sorted(sample.target["segments"]) == [[0, 8], [8, 16], [16, 24], [24, 32], [32, 40]]


def test_the_target_says_what_is_shown_where(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Each shown clip holds the frames of its segment."""
    clip = make_clip(48, 4, 4)
    sample = sample_of(bind_task("jigsaw"), clip)
    for shown, (start, stop) in zip(sample.clips, sample.target["segments"], strict=True):
        assert torch.equal(shown.frames, clip.frames[start:stop])


def test_the_answer_is_the_inverse_of_what_is_shown() -> None:
    """By hand: if the third clip shown is part 1, the answer starts with 3, and so on for the example."""
    assert inverse([3, 6, 1, 2, 4, 5]) == [3, 4, 1, 5, 6, 2]


def test_orders_are_uniform_and_never_the_true_one(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Of three parts each of the five other orders comes up, about as often."""
    task, clip = bind_task("jigsaw", segments=3), make_clip(6, 1, 1)
    counts = Counter(sample_of(task, clip, seed).answer for seed in range(500))
    assert set(counts) == {"".join(order) for order in permutations("123")} - {"123"}
    # five standard deviations of a binomial of 500 and 1/5 are 45
    assert all(55 <= count <= 145 for count in counts.values())


def test_the_true_order_is_shown_if_asked_for(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """With `identity` each of the six orders of three parts comes up, about as often."""
    task, clip = bind_task("jigsaw", segments=3, identity=True), make_clip(6, 1, 1)
    counts = Counter(sample_of(task, clip, seed).answer for seed in range(600))
    assert set(counts) == {"".join(order) for order in permutations("123")}
    # five standard deviations of a binomial of 600 and 1/6 are 46
    assert all(54 <= count <= 146 for count in counts.values())


@pytest.mark.parametrize("parts", range(3, 10))
def test_every_number_of_parts_is_cut_and_shuffled(
    parts: int, bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """In either layout, from the shortest clip that is long enough: two frames a part."""
    clip = make_clip(2 * parts, 2, 2)
    for layout in ("separate", "single"):
        sample = sample_of(bind_task("jigsaw", segments=parts, layout=layout), clip)
        shown = torch.cat([one.frames for one in sample.clips]).chunk(parts)
        restored = torch.cat([shown[int(digit) - 1] for digit in sample.answer])
        assert torch.equal(restored, clip.frames)
        assert sample.answer != "".join(map(str, range(1, parts + 1)))


@given(st.integers(2, 600), st.integers(3, 9), st.integers(0, 400))
def test_any_clip_long_enough_is_cut(frames: int, parts: int, thousandths: int) -> None:
    """Into even, equal, disjoint parts; and a shorter one is told the least that is enough."""
    trim = thousandths / 1000
    try:
        cut = cut_up(frames, parts, trim)
    except Unsuitable as error:
        needed = int(str(error).rpartition(" ")[2])
        assert needed > frames
        assert len(cut_up(needed, parts, trim)) == parts
        with pytest.raises(Unsuitable, match=f"needs at least {needed}$"):
            cut_up(needed - 1, parts, trim)
        return
    lengths = {stop - start for start, stop in cut}
    assert len(cut) == parts
    assert len(lengths) == 1
    assert all(length > 0 and length % 2 == 0 for length in lengths)
    assert all(before[1] <= after[0] for before, after in pairwise(cut))
    assert 0 <= cut[0][0] < cut[-1][1] <= frames


def test_orders_of_this_version_never_move(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Recorded, not worked out: whoever moves these changes every stored recipe and needs a new version."""
    task = bind_task("jigsaw")
    answers = [
        task.make_sample(make_clip(), difficulty=0.5, rng=rng_for("golden", i)).answer
        for i in range(4)
    ]
    assert (plugin.version, answers) == ("1", ["6315247", "7241536", "7425613", "1752463"])


def test_a_seed_decides_the_jigsaw(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """The same seed gives the same sample to the bit; other seeds give others; the source stays."""
    task, clip = bind_task("jigsaw"), make_clip()
    before = clip.frames.clone()
    digests = [sample_of(task, clip, seed).digest() for seed in range(5)]
    assert digests == [sample_of(task, clip, seed).digest() for seed in range(5)]
    assert len(set(digests)) == 5
    assert torch.equal(clip.frames, before)


@pytest.mark.parametrize(
    ("frames", "settings", "needed"),
    [(11, {}, 12), (59, {"trim": 0.4}, 60), (17, {"segments": 9}, 18)],
)
def test_a_clip_too_short_to_cut_is_unsuitable(
    frames: int,
    settings: dict[str, Any],
    needed: int,
    bind_task: Callable[..., Task],
    make_clip: Callable[..., Clip],
) -> None:
    """By hand: 6 pairs are 12 frames; at 40 % a part of 10 keeps 10 - 4 - 4 = 2 and one of 8 none."""
    task = bind_task("jigsaw", **{"segments": 6, **settings})
    with pytest.raises(Unsuitable, match=f"^{frames} frames; needs at least {needed}$"):
        sample_of(task, make_clip(frames, 2, 2))
    assert all(len(clip) == 2 for clip in sample_of(task, make_clip(needed, 2, 2)).clips)


def test_prompt_labels_each_clip(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """A label, its video, the next label; then the question, whose example the parser accepts."""
    sample = sample_of(bind_task("jigsaw", segments=6), make_clip())
    (message,) = sample.prompt
    *shown, last = message["content"]
    assert [part["type"] for part in shown] == ["text", "video"] * 6
    assert [part["text"] for part in shown[::2]] == [f"Clip {i}:" for i in range(1, 7)]
    assert len(last["text"].split()) <= 35
    assert read_order(last["text"].split("as in ")[1], 6) == [2, 3, 4, 5, 6, 1]


def test_prompt_of_one_video_shows_it_first(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """One video, then at most 35 words that say how many parts it has."""
    sample = sample_of(bind_task("jigsaw", segments=4, layout="single"), make_clip())
    assert [part["type"] for part in sample.prompt[0]["content"]] == ["video", "text"]
    assert "cut into 4 equal parts" in sample.question
    assert len(sample.question.split()) <= 35


@pytest.mark.parametrize(
    ("stated", "true", "reward"),
    [
        ([1, 2, 3], [1, 2, 3], 1.0),
        ([2, 1, 3], [1, 2, 3], 0.5),  # two parts one off: 1 - 2/4
        ([3, 2, 1], [1, 2, 3], 0.0),  # two parts two off: 1 - 4/4
        ([4, 3, 2, 1], [1, 2, 3, 4], 0.0),  # 3 + 1 + 1 + 3 = 8 = 16/2
        ([2, 3, 4, 1], [1, 2, 3, 4], 0.25),  # 3 + 1 + 1 + 1 = 6: 1 - 6/8
        ([3, 4, 1, 5, 2, 6], [3, 4, 1, 5, 6, 2], 1 - 2 / 18),
        ([1, 1, 3], [1, 2, 3], 0.0),  # no permutation
        ([0, 1, 2], [1, 2, 3], 0.0),
        ([1, 2, 4], [1, 2, 3], 0.0),
    ],
)
def test_reward_is_one_less_the_share_of_displacement(
    stated: list[int], true: list[int], reward: float
) -> None:
    """Worked out by hand."""
    assert closeness(stated, true) == pytest.approx(reward)


@pytest.mark.parametrize(
    ("parts", "floor"), [(6, Fraction(19, 54)), (8, Fraction(11, 32)), (3, Fraction(1, 3))]
)
def test_a_blind_answer_earns_the_known_floor(parts: int, floor: Fraction) -> None:
    """A fixed order against every order: 0.352 for six parts and 0.344 for eight, as published.

    Exactly: a part is off by (n^2 - 1) / 3n places on average, so n of them earn 1 - (n^2 - 1) / 3 E_max.
    All orders were enumerated.
    """
    fixed = list(range(1, parts + 1))
    rewards = [Fraction(closeness(fixed, order)) for order in permutations(fixed)]
    assert float(sum(rewards) / len(rewards)) == pytest.approx(float(floor), abs=1e-12)


def test_the_floor_moves_a_little_without_the_true_order() -> None:
    """By enumeration of the 719 orders of six parts that remain: no longer is every fixed answer alike.

    All 720 earn 720 * 19/54 = 760/3 together. The true order, stated, loses the one that it was right
    about: (760/3 - 1) / 719 = 757/2157 = 0.3510. Its reverse loses nothing, and is the best constant:
    760/2157 = 0.3523. What the others earn lies between.
    """
    true = list(range(1, 7))
    shown = [order for order in permutations(true) if list(order) != true]
    assert len(shown) == 719

    def earned(stated: list[int]) -> float:
        return sum(closeness(stated, order) for order in shown) / 719

    assert earned(true) == pytest.approx(757 / 2157, abs=1e-12)
    assert earned(true[::-1]) == pytest.approx(760 / 2157, abs=1e-12)
    # swapped neighbours lose the 8/9 that they earn where the answer is 123456
    assert earned([2, 1, 3, 4, 5, 6]) == pytest.approx((760 / 3 - 8 / 9) / 719, abs=1e-12)


def test_reward_falls_as_more_pairs_are_swapped() -> None:
    """By hand, E is 0, 2, 4, 6 as pairs of neighbours are swapped, 10 and 18 as all is moved by 1 and 3."""
    ladder = ["341562", "341526", "431526", "435126", "415623", "562341"]
    rewards = [graded(order) for order in ladder]
    assert rewards[0] == 1.0
    assert all(near > far for near, far in pairwise(rewards))
    assert rewards[-1] == 0.0


@pytest.mark.parametrize(
    "completion",
    [
        "341562",
        " 341562\n",
        "341562.",
        "3 4 1 5 6 2",
        "3,4,1,5,6,2",
        "3, 4, 1, 5, 6, 2.",
        "```\n341562\n```",
        "```text\n341562```",
    ],
)
def test_forgiven_orders_score_in_full(completion: str) -> None:
    """Form is forgiven: spaces, commas, a full stop, a code fence."""
    assert graded(completion) == 1.0


@pytest.mark.parametrize("completion", ["341566", "000000", "341567", "999999"])
def test_digits_that_are_no_permutation_are_wrong(completion: str) -> None:
    """As many digits as parts is the form of an answer, so these are wrong, not unparsable."""
    assert graded(completion) == 0.0


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "34156",
        "3415627",
        "The order is 341562",
        "341562 because",
        "3-4-1-5-6-2",
        "3,,4,1,5,6,2",
        ",341562",
        "34156b",
        "```\n341562",
        "341562```",
        "\u0663\u0664\u0661\u0665\u0666\u0662",  # Arabic digits
        "\u00b3\u00b2\u00b9\u00b3\u00b2\u00b9",  # superscripts, which `str.isdigit` accepts
        "1" * 1_000_000,
        "1  , " * 39,
        "1   " * 49 + "x",
        "1" + " " * 198 + "x",
        "`" * 200,
    ],
)
def test_other_texts_are_no_order(completion: str) -> None:
    """Prose, other lengths, other digits, hostile lengths: unparsable, and the form is told."""
    with pytest.raises(Unparsable, match="must be 6 digits"):
        graded(completion)


@given(st.text() | st.text(alphabet="123456, .`\n", max_size=20))
def test_any_text_is_an_order_or_unparsable(completion: str) -> None:
    """No text raises anything but `Unparsable`, and every grade is finite and in [0, 1]."""
    try:
        value = graded(completion)
    except Unparsable:
        return
    assert math.isfinite(value)
    assert 0 <= value <= 1


@given(st.integers(3, 9).flatmap(lambda n: st.tuples(*[st.permutations(range(1, n + 1))] * 2)))
def test_closeness_is_bounded_and_one_for_equals_alone(orders: tuple[list[int], list[int]]) -> None:
    """For any two orders; 1.0 exactly if and only if they are equal."""
    stated, true = orders
    assert 0 <= closeness(stated, true) <= 1
    assert (closeness(stated, true) == 1.0) == (stated == true)


@pytest.mark.parametrize("settings", [{}, {"segments": 9}, {"segments": 3}, {"layout": "single"}])
def test_the_answer_scores_one_from_a_stored_target(
    settings: dict[str, Any], bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Targets are stored with recipes; the reward has to work from the stored ones."""
    task = bind_task("jigsaw", **settings)
    sample = sample_of(task, make_clip(48, 4, 4))
    target = json.loads(json.dumps(sample.target))
    assert task.score(sample.answer, sample.answer, target).value == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"segments": 10}, "must stay from 3 to 9"),
        ({"segments": {"easy": 2, "hard": 6}}, "must stay from 3 to 9"),
        ({"trim": 0.5}, "less than or equal to 0.4"),
        ({"layout": "grid"}, "'separate' or 'single'"),
        ({"identity": "perhaps"}, "valid boolean"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_wrong_jigsaw_settings_are_refused(
    settings: dict[str, Any], message: str, bind_task: Callable[..., Task]
) -> None:
    """The message names the bound."""
    with pytest.raises(ValidationError, match=message):
        bind_task("jigsaw", **settings)


def test_jigsaw_settings_survive_a_round_trip(bind_task: Callable[..., Task]) -> None:
    """What a run writes down binds to the same again; every field is described."""
    config = bind_task("jigsaw", segments={"easy": 4, "hard": 9}, trim=0.1, identity=True).config
    assert bind_task("jigsaw", **config.model_dump(mode="json")).config == config
    assert all(field.description for field in type(config).model_fields.values())


def test_near_misses_miss_by_more_and_more(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """By hand, of six parts E_max is 18: neighbours swapped E = 2, ends swapped 10, all reversed 18."""
    task = bind_task("jigsaw", segments=6)
    for seed in range(5):
        sample = sample_of(task, make_clip(24, 4, 4), seed)
        missed = plugin.near_misses(sample)
        scores = [task.score(answer, sample.answer, sample.target).value for answer in missed]
        assert scores == pytest.approx([1 - 2 / 18, 1 - 10 / 18, 0])


def test_three_parts_have_two_near_misses(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Of three parts, swapping the ends is the reverse: E = 2 and 4 of 4."""
    task = bind_task("jigsaw", segments=3)
    sample = sample_of(task, make_clip(24, 4, 4))
    missed = plugin.near_misses(sample)
    scores = [task.score(answer, sample.answer, sample.target).value for answer in missed]
    assert scores == pytest.approx([0.5, 0])
