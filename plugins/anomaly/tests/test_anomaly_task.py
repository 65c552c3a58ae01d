"""Anomaly grounding, through the plugin as a run binds it."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from videossr import Clip, Unparsable, Unsuitable
from videossr.footage import ClipSource, Footage
from videossr.seeds import rng_for
from videossr_anomaly import plugin
from videossr_anomaly.anomaly import Interval, read_interval, temporal_iou

if TYPE_CHECKING:
    from collections.abc import Callable

    from videossr import Sample
    from videossr.facades import Task

TRUE = {"start": 14.5, "end": 26.2}
LEVELS = {
    0.0: (12, 24),
    0.5: (8, 16),
    1.0: (4, 8),
}  # the shortest and the longest segment, by level
MIX: dict[str, dict[str, Any]] = {
    "channel_swap": {},
    "mirror": {},
    "zoom_out": {},
    "rotate": {"degrees": 180},
}


def sample_of(task: Task, clip: Clip, seed: int = 0, difficulty: float = 0.5) -> Sample:
    """One question about a clip."""
    return task.make_sample(clip, difficulty=difficulty, rng=rng_for(seed))


def graded(completion: str) -> float:
    """The reward against 14.5-26.2."""
    return float(plugin.reward(completion, TRUE))


def grey(clip: Clip) -> Clip:
    """The clip with its red channel in the place of all three."""
    return clip.with_frames(clip.frames[:, :1].expand(-1, 3, -1, -1))


@pytest.mark.parametrize("difficulty", LEVELS)
@pytest.mark.parametrize("seed", range(8))
def test_only_the_segment_is_altered(
    seed: int, difficulty: float, bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Every frame of the segment differs from the source, no pixel outside does, and no time anywhere."""
    clip = make_clip()
    sample = sample_of(bind_task("anomaly", perturbations=MIX), clip, seed, difficulty)
    start, stop = sample.target["segment"]
    shown = sample.clips[0]
    changed = (shown.frames != clip.frames).flatten(1).any(1).nonzero().flatten().tolist()
    assert changed == list(range(start, stop))
    assert torch.equal(shown.times, clip.times)
    shortest, longest = LEVELS[difficulty]
    assert shortest <= stop - start <= longest


def test_segments_of_every_length_and_place_are_drawn(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """In many draws both bounds of the length, the first and the last frame all occur."""
    task = bind_task("anomaly", perturbations={"invert": {}})
    clip = make_clip(24, 2, 2)
    segments = [sample_of(task, clip, seed).target["segment"] for seed in range(300)]
    assert {stop - start for start, stop in segments} == set(range(8, 17))
    assert min(start for start, _ in segments) == 0
    assert max(stop for _, stop in segments) == 24


def test_answer_states_the_times_of_the_first_and_the_last_altered_frame(
    bind_task: Callable[..., Task],
) -> None:
    """By hand: frames 4 to 7 of times 10.04 + 1.5 i are shown from 16.04 to 20.54, so 16.0-20.5."""
    task = bind_task(
        "anomaly", perturbations={"invert": {}}, min_segment_frames=4, max_segment_frames=4
    )
    times = 10.04 + 1.5 * torch.arange(12, dtype=torch.float64)
    clip = Clip(torch.zeros(12, 3, 2, 2, dtype=torch.uint8), times)
    samples = (sample_of(task, clip, seed) for seed in range(100))
    sample = next(sample for sample in samples if sample.target["segment"] == [4, 8])
    assert sample.answer == "16.0-20.5"
    assert sample.target == {
        "start": 16.0,
        "end": 20.5,
        "segment": [4, 8],
        "perturbation": "invert",
        "redraws": 0,
    }


@pytest.mark.parametrize("first", [-3.0, -0.04, 0.0, 86_400.0])
def test_the_answer_scores_one_wherever_the_timeline_starts(
    first: float, bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Presentation times may start below zero or at a day; no answer has a negative zero."""
    clip = make_clip(8, 2, 2)
    clip = Clip(clip.frames, clip.times + first)
    task = bind_task("anomaly", perturbations={"invert": {}}, min_segment_frames=1)
    for seed in range(30):
        sample = sample_of(task, clip, seed)
        assert not sample.answer.startswith("-0.0")
        assert "--0.0" not in sample.answer
        assert task.score(sample.answer, sample.answer, sample.target).value == 1.0


def test_prompt_shows_the_video_then_asks(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Video first, then at most 35 words whose example the parser accepts; nothing says what was done."""
    sample = sample_of(bind_task("anomaly", perturbations={"mirror": {}}), make_clip())
    parts = [part["type"] for message in sample.prompt for part in message["content"]]
    assert parts == ["video", "text"]
    assert len(sample.question.split()) <= 35
    assert "mirror" not in sample.question
    assert read_interval(sample.question.split("as in ")[1]) == (14.5, 26.2)


def test_prompt_names_the_alteration_if_told_to(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """With `named` the perturbation's own phrase completes the sentence."""
    sample = sample_of(bind_task("anomaly", perturbations={"mirror": {}}, named=True), make_clip())
    assert "One part of this video is mirrored left to right." in sample.question


def test_a_seed_decides_everything(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """The same seed gives the same sample to the bit, other seeds others, and the source stays."""
    task, clip = bind_task("anomaly", perturbations=MIX), make_clip()
    before = clip.frames.clone()
    digests = [sample_of(task, clip, seed).digest() for seed in range(5)]
    assert digests == [sample_of(task, clip, seed).digest() for seed in range(5)]
    assert len(set(digests)) == 5
    assert torch.equal(clip.frames, before)


def test_draws_of_this_version_never_move(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Recorded, not worked out: whoever moves these changes every stored recipe and needs a new version."""
    task = bind_task("anomaly", perturbations={"invert": {}})
    answers = [
        task.make_sample(make_clip(), difficulty=0.5, rng=rng_for("golden", i)).answer
        for i in range(4)
    ]
    assert (plugin.version, answers) == ("2", ["7.0-8.8", "9.2-11.0", "5.2-8.8", "4.5-8.0"])


def test_an_invisible_alteration_is_drawn_again(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """On a grey clip a channel swap changes nothing, so every question is about the other perturbation."""
    task = bind_task("anomaly", perturbations={"channel_swap": {}, "invert": {}})
    targets = [sample_of(task, grey(make_clip()), seed).target for seed in range(20)]
    assert {target["perturbation"] for target in targets} == {"invert"}
    assert max(target["redraws"] for target in targets) > 0


def test_a_clip_on_which_nothing_shows_is_unsuitable(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """The reason names what was tried."""
    task = bind_task("anomaly", perturbations={"channel_swap": {}}, redraws=3)
    with pytest.raises(Unsuitable, match=r"^no visible change by channel_swap$"):
        sample_of(task, grey(make_clip()))


def test_no_threshold_lets_anything_pass(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """`min_change: 0` turns the check off."""
    task = bind_task("anomaly", perturbations={"channel_swap": {}}, min_change=0)
    assert sample_of(task, grey(make_clip())).target["redraws"] == 0


def test_a_perturbation_that_does_not_suit_the_clip_is_drawn_again(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """A clip of its own has nothing to swap with, so every question is about the other; it is counted."""
    task = bind_task("anomaly", perturbations={"swap": {}, "invert": {}})
    targets = [sample_of(task, make_clip(), seed).target for seed in range(20)]
    assert {target["perturbation"] for target in targets} == {"invert"}
    assert max(target["redraws"] for target in targets) > 0


def test_a_clip_that_no_perturbation_suits_is_unsuitable(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Each reason once, in a fixed order, since a build counts them by their words."""
    perturbations: dict[str, dict[str, Any]] = {"swap": {}, "slow_motion": {}}
    task = bind_task("anomaly", perturbations=perturbations)
    with pytest.raises(
        Unsuitable,
        match=r"^no visible change by slow_motion, swap; the video has no frames between those of the "
        r"clip; there is no other video to swap with$",
    ):
        sample_of(task, make_clip())


def test_perturbations_get_the_footage_of_the_sample(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """The task says nothing of it, and a swap still shows the other video."""
    clip, other = make_clip(), make_clip(seed=1)
    task = bind_task("anomaly", perturbations={"swap": {}})
    footage = Footage(ClipSource(clip), ClipSource(other))
    sample = task.make_sample(clip, difficulty=0.5, rng=rng_for(0), footage=footage)
    start, stop = sample.target["segment"]
    frames = {frame.numpy().tobytes() for frame in other.frames}
    assert all(frame.numpy().tobytes() in frames for frame in sample.clips[0].frames[start:stop])


def test_each_perturbation_says_itself_whether_it_shows(
    bind_task: Callable[..., Task],
) -> None:
    """By hand: of a step of 100 levels a blur takes 200 * 2 / sqrt(2 pi) = 160 from each row of 64, 2.5 a pixel.

    That is enough for a blur, and a number in the settings overrides it.
    """
    picture = torch.zeros(48, 3, 64, 64, dtype=torch.uint8)
    picture[:, :, :, 32:] = 100
    clip = Clip(picture, torch.arange(48).double())
    assert sample_of(bind_task("anomaly", perturbations={"blur": {}}), clip).target["redraws"] == 0
    with pytest.raises(Unsuitable, match=r"no visible change by blur; needs a mean of 10 of 255"):
        sample_of(bind_task("anomaly", perturbations={"blur": {}}, min_change=10), clip)


@pytest.mark.parametrize(("difficulty", "margin"), [(0.0, 4), (0.25, 2), (0.5, 0), (1.0, 0)])
def test_the_easier_the_more_is_left_at_both_ends(
    difficulty: float,
    margin: int,
    bind_task: Callable[..., Task],
    make_clip: Callable[..., Clip],
) -> None:
    """By hand: 4 frames at easy, none from train on, halfway between 2; and in many draws no more."""
    task = bind_task("anomaly", perturbations={"invert": {}}, min_segment_frames=8)
    clip = make_clip(48, 2, 2)
    segments = [sample_of(task, clip, seed, difficulty).target["segment"] for seed in range(400)]
    assert min(start for start, _ in segments) == margin
    assert max(stop for _, stop in segments) == 48 - margin


def test_the_margin_gives_way_before_the_length_does(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """By hand: of 18 frames 12 or 13 change at the easy level; 6 or 5 are left, so 3 or 2 at each end."""
    task = bind_task("anomaly", perturbations={"invert": {}})
    segments = {
        tuple(sample_of(task, make_clip(18, 2, 2), seed, 0.0).target["segment"])
        for seed in range(40)
    }
    assert {(3, 15), (2, 15), (3, 16)} == segments


def test_a_quarter_stays_unaltered(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """By hand: of 16 frames 12 may change, which is just the shortest segment of the easy level."""
    task = bind_task("anomaly", perturbations={"invert": {}})
    for seed in range(10):
        start, stop = sample_of(task, make_clip(16, 2, 2), seed, 0.0).target["segment"]
        assert stop - start == 12


def test_a_short_clip_is_unsuitable(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """By hand: 15 frames leave room for 11 of the 12 at the easy level; 16 are needed."""
    task = bind_task("anomaly", perturbations={"invert": {}})
    with pytest.raises(Unsuitable, match=r"^15 frames; needs at least 16$"):
        sample_of(task, make_clip(15), difficulty=0.0)


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("14.5-26.2", 1.0),
        ("0.0-10.0", 0.0),  # apart
        ("26.2-30.0", 0.0),  # one moment shared, which lasts no time
        ("14.5-20.35", 0.5),  # its first half: 5.85 of 11.7
        ("2.8-37.9", 1 / 3),  # 11.7 of 35.1
        ("8.65-20.35", 1 / 3),  # 5.85 shared of 17.55 covered
        ("26.2-14.5", 0.0),  # ends before it starts: has the form, holds no moment
        ("20.0-20.0", 0.0),  # no length
    ],
)
def test_reward_is_temporal_iou(completion: str, reward: float) -> None:
    """Worked out by hand against 14.5-26.2, which lasts 11.7 seconds."""
    assert graded(completion) == pytest.approx(reward)


def test_intervals_without_length_are_right_only_if_equal() -> None:
    """Against 3.0-3.0: itself 1.0 exactly, any other 0.0."""
    point = Interval(3.0, 3.0)
    assert temporal_iou(point, point) == 1.0
    assert temporal_iou(Interval(3.0, 3.1), point) == 0.0
    assert temporal_iou(Interval(2.9, 2.9), point) == 0.0


def test_reward_falls_along_growing_shifts() -> None:
    """The farther the interval is shifted, the less it is worth."""
    rewards = [graded(f"{14.5 + shift:.1f}-{26.2 + shift:.1f}") for shift in range(13)]
    assert rewards[0] == 1.0
    assert rewards[-1] == 0.0
    assert all(near > far for near, far in itertools.pairwise(rewards))


@pytest.mark.parametrize(
    "completion",
    [
        "14.5-26.2",
        " 14.5 - 26.2\n",
        "14.5-26.2.",
        "14.5s-26.2s",
        "14.5 seconds - 26.2 seconds.",
        "14.5 sec to 26.2 sec",
        "14.5 to 26.2",
        "14.5\u201326.2",
        "14.50-26.20",
        "```\n14.5-26.2\n```",
        "```text\n14.5-26.2```",
    ],
)
def test_forgiven_forms_score_in_full(completion: str) -> None:
    """Form is forgiven: spaces, units, dashes, a full stop, a code fence."""
    assert graded(completion) == 1.0


@pytest.mark.parametrize(
    "completion",
    [
        "",
        " ",
        "14.5",
        "14.5 26.2",
        "14.5,26.2",
        "14.5-26.2-30.0",
        "The answer is 14.5-26.2",
        "14.5-26.2 I think",
        "from 14.5 to 26.2",
        "14,5-26,2",
        "1e1-3e1",
        "nan-inf",
        "0:14-0:26",
        ".5-.9",
        "```\n14.5-26.2",
        "14.5-26.2```",
        "\u0661\u0664.\u0665-\u0662\u0666.\u0662",  # Arabic digits
        "\uff11\uff14-\uff12\uff16",  # full-width digits
        "9" * 400 + "-" + "9" * 400,
        "1" * 50 + "-" + "2" * 50,
        "14.5-26.2" + " " * 1_000_000 + "x",
        "1 " * 90 + "x",
        "`" * 200,
        "-" * 200,
    ],
)
def test_other_texts_are_unparsable(completion: str) -> None:
    """Content is not: prose, other numbers, other digits, hostile lengths. The form is told."""
    with pytest.raises(Unparsable, match=r"such as 14\.5-26\.2"):
        graded(completion)


@given(st.text() | st.text(alphabet="0123456789.-\u2013 s`to\n", max_size=40))
def test_any_text_is_graded_or_unparsable(completion: str) -> None:
    """No text raises anything but `Unparsable`, and every grade is finite and in [0, 1]."""
    try:
        value = graded(completion)
    except Unparsable:
        return
    assert math.isfinite(value)
    assert 0 <= value <= 1


@given(*[st.integers(0, 10**6)] * 4)
def test_iou_is_symmetric_and_bounded(a: int, b: int, c: int, d: int) -> None:
    """In whichever order, whatever the intervals; and each is worth 1.0 to itself exactly."""
    one, other = Interval(min(a, b) / 10, max(a, b) / 10), Interval(min(c, d) / 10, max(c, d) / 10)
    assert temporal_iou(one, other) == temporal_iou(other, one)
    assert 0 <= temporal_iou(one, other) <= 1
    assert temporal_iou(one, one) == 1.0


def test_the_answer_scores_one_after_a_trip_through_json(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """Targets are stored with recipes; the reward has to work from the stored ones."""
    task = bind_task("anomaly", perturbations=MIX)
    for seed in range(10):
        sample = sample_of(task, make_clip(spacing=1 / 3), seed)
        target = json.loads(json.dumps(sample.target))
        assert task.score(sample.answer, sample.answer, target).value == 1.0


def test_an_unparsable_answer_is_told_from_a_wrong_one(bind_task: Callable[..., Task]) -> None:
    """Both score 0; only the first counts as unparsable."""
    task = bind_task("anomaly", perturbations=MIX)
    prose, wrong = (task.score(text, "14.5-26.2", TRUE) for text in ("no idea", "26.2-14.5"))
    assert (prose.value, prose.parsed) == (0.0, False)
    assert (wrong.value, wrong.parsed) == (0.0, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_segment_frames": 20}, "max_segment_frames is 16 at train and min_segment_frames 20"),
        ({"min_segment_frames": 0}, "must stay from 1 to 4096"),
        ({"min_change": 256}, "less than or equal to 255"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_refused(
    settings: dict[str, Any], message: str, bind_task: Callable[..., Task]
) -> None:
    """The message names the figures."""
    with pytest.raises(ValidationError, match=message):
        bind_task("anomaly", perturbations=MIX, **settings)


def test_settings_survive_a_round_trip_and_are_described(bind_task: Callable[..., Task]) -> None:
    """What a run writes down binds to the same again."""
    config = bind_task("anomaly", perturbations=MIX).config
    dumped = config.model_dump(mode="json")
    chosen = dumped.pop("perturbations")
    assert chosen["rotate"] == {"weight": 1.0, "degrees": 180}
    own = {name: {k: v for k, v in s.items() if k != "weight"} for name, s in chosen.items()}
    again = bind_task("anomaly", perturbations=own, **dumped).config.model_dump(mode="json")
    assert again == config.model_dump(mode="json")
    assert all(field.description for field in type(config).model_fields.values())


def test_near_misses_miss_by_more_and_more(
    bind_task: Callable[..., Task], make_clip: Callable[..., Clip]
) -> None:
    """By hand: an interval late by a quarter of itself shares 3 of 5 quarters, by half 1 of 3 halves.

    The answer's one decimal moves that by a few hundredths: frames are half a second apart here, and the
    altered ones last for 3.5 s and more.
    """
    task = bind_task("anomaly", perturbations={"invert": {}})
    clip = make_clip(48, 4, 4, spacing=0.5)
    for seed in range(5):
        sample = sample_of(task, clip, seed)
        missed = plugin.near_misses(sample)
        scores = [task.score(answer, sample.answer, sample.target).value for answer in missed]
        assert scores == pytest.approx([3 / 5, 1 / 3, 0], abs=0.04)


def test_an_answer_states_its_start_and_its_end() -> None:
    """As it was written."""
    assert tuple(plugin.answer_times("14.5-26.2")) == (14.5, 26.2)
