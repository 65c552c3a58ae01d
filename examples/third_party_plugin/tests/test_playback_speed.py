"""Playback speed, through the plugin as a run binds it."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from acme_playback_speed import plugin
from acme_playback_speed.playback_speed import closeness, read_factor
from videossr import Clip, Unparsable, Unsuitable
from videossr.marks import Mark
from videossr.procedural import draw_video
from videossr.registry import Registry
from videossr.seeds import rng_for
from videossr.testing import parametrize_with_checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from videossr import Sample
    from videossr.facades import Task

REGISTRY = Registry()  # as it is installed

LEVELS = {0.0: 8, 0.5: 6, 1.0: 4}  # frames of a half, by difficulty: 4, 3 and 2 pairs


def bind(**settings: Any) -> Task:  # noqa: ANN401 - as from YAML
    """The task with these settings, as a run binds it."""
    return REGISTRY.task("playback_speed", REGISTRY.schema("playback_speed")(**settings))


def brightening(frames: int = 48) -> Clip:
    """A clip whose frames say by their grey level which they are: frame i is at 4 i."""
    levels = 4 * torch.arange(frames, dtype=torch.uint8)
    times = 1.5 + 0.25 * torch.arange(frames, dtype=torch.float64)
    return Clip(levels[:, None, None, None].expand(frames, 3, 4, 4).clone(), times)


def sample_of(task: Task, clip: Clip, seed: int = 0, difficulty: float = 0.5) -> Sample:
    """One question about a clip."""
    return task.make_sample(clip, difficulty=difficulty, rng=rng_for(seed))


@parametrize_with_checks("playback_speed")
def test_conformance(check: Callable[[], None]) -> None:
    """The rules of videossr hold."""
    check()


@pytest.mark.parametrize("difficulty", LEVELS)
@pytest.mark.parametrize("seed", range(10))
def test_the_answer_is_how_the_halves_compare(seed: int, difficulty: float) -> None:
    """Each half steps evenly through the source, and the answer is the second step over the first."""
    sample = sample_of(bind(), brightening(), seed, difficulty)
    (shown,) = sample.clips
    numbers = shown.frames[:, 0, 0, 0] // 4
    assert numbers.tolist() == sample.target["frames"]
    frames = LEVELS[difficulty]
    steps = numbers.int().diff()
    assert len(shown) == 2 * frames
    (first,), (second,) = (set(half.tolist()) for half in steps.split([frames - 1, frames]))
    assert [first, second] == sample.target["speeds"]
    assert sample.answer == f"{second / first:.2f}"


@pytest.mark.parametrize("difficulty", LEVELS)
def test_nothing_but_the_picture_differs(difficulty: float) -> None:
    """Whatever the factor: the same words, and the clip's own first times, from zero."""
    samples = [sample_of(bind(), brightening(), seed, difficulty) for seed in range(30)]
    assert len({sample.answer for sample in samples}) > 3
    assert len({sample.question for sample in samples}) == 1
    even = [0.25 * n for n in range(2 * LEVELS[difficulty])]
    assert all(sample.clips[0].times.tolist() == even for sample in samples)


@pytest.mark.parametrize(
    ("difficulty", "factors"),
    [
        (0.0, ["0.25", "0.33", "0.50", "2.00", "3.00", "4.00"]),
        (0.5, ["0.25", "0.33", "0.50", "0.67", "1.50", "2.00", "3.00", "4.00"]),
        (1.0, ["0.25", "0.33", "0.50", "0.67", "0.75", "1.33", "1.50", "2.00", "3.00", "4.00"]),
    ],
)
def test_harder_factors_come_nearer_to_one(difficulty: float, factors: list[str]) -> None:
    """By hand, of the speeds 1 to 4: all that differ by at least 2, 1.5, 1.3; each about as often."""
    task, draws = bind(), 60 * len(factors)
    counts = Counter(sample_of(task, brightening(), n, difficulty).answer for n in range(draws))
    assert sorted(counts) == factors
    # about 60 of each; five standard deviations are less than 40
    assert all(20 <= count <= 100 for count in counts.values())


def test_the_picture_tells() -> None:
    """In videos of moving things, the ratio of the halves' changes earns far more than any constant."""
    task, looking = bind(), 0.0
    constants = dict.fromkeys(("0.25", "0.33", "0.50", "0.67", "1.50", "2.00", "3.00", "4.00"), 0.0)
    for seed in range(30):
        frames = draw_video(seed, seconds=6, fps=8, height=64, width=64)
        clip = Clip(frames, torch.arange(48, dtype=torch.float64) / 8)
        sample = sample_of(task, clip, seed)
        changes = sample.clips[0].frames.float().diff(dim=0).abs().mean(dim=(1, 2, 3))
        first, second = (half.median() for half in changes.split([5, 6]))
        answer, target = sample.answer, sample.target
        looking += task.score(f"{second / first:.2f}", answer, target).value / 30
        for constant in constants:
            constants[constant] += task.score(constant, answer, target).value / 30
    assert looking > 1.5 * max(constants.values())


def test_how_fast_one_half_is_does_not_tell_the_factor() -> None:
    """Twice as fast is 2 after 1 and 4 after 2."""
    samples = [sample_of(bind(), brightening(), seed) for seed in range(100)]
    speeds = {tuple(s.target["speeds"]) for s in samples if s.answer == "2.00"}
    assert speeds == {(1, 2), (2, 4)}


def test_a_short_clip_is_asked_what_it_has_room_for() -> None:
    """By hand: two halves of 4 at speeds 1 and 2 take 3 + 8 + 1 = 12 frames, at 1 and 3 16."""
    task = bind(pairs=2)
    answers = {sample_of(task, brightening(12), seed).answer for seed in range(30)}
    assert answers == {"0.50", "2.00"}
    with pytest.raises(Unsuitable, match=r"^11 frames; needs at least 12$"):
        sample_of(task, brightening(11))


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(lambda i: 0, id="still"),
        pytest.param(lambda i: 40 * (i > 20), id="still, with one cut"),
        pytest.param(lambda i: min(4 * i, 60), id="still in the end"),
    ],
)
def test_where_nothing_moves_there_is_no_speed(kept: Callable[[int], int]) -> None:
    """Frames that stay the same in most steps of a half are refused, and one cut moves nothing."""
    clip = brightening()
    levels = torch.tensor([kept(i) for i in range(48)], dtype=torch.uint8)
    still = clip.with_frames(levels[:, None, None, None].expand(48, 3, 4, 4).clone())
    with pytest.raises(Unsuitable, match=r"^nothing moves in one of the halves$"):
        # from the start to the end of the clip: 8 frames of each half at 4 and 1 or 2
        sample_of(bind(speeds=(2, 4), pairs=4, least_factor=2), still)
    assert sample_of(bind(least_motion=0), still)


def test_motion_is_counted_in_grey_levels() -> None:
    """A step of the clip is 4 levels, so that of the slower half is 4 times its speed."""
    clip = brightening()
    task = bind(least_motion=8.0, speeds=(2, 3), least_factor=1)
    assert sample_of(task, clip)
    with pytest.raises(Unsuitable, match="nothing moves"):
        sample_of(bind(least_motion=8.1, speeds=(2, 3), least_factor=1), clip)


def test_frames_at_uneven_times_are_refused() -> None:
    """Shown at even times they would stutter; a frame less than half a tick off is still its own."""
    clip = brightening()
    for late, suits in ((0.1, True), (0.2, False)):
        times = clip.times.clone()
        times[20] += late
        if suits:
            assert sample_of(bind(), Clip(clip.frames, times))
        else:
            with pytest.raises(Unsuitable, match=r"^frames at uneven times$"):
                sample_of(bind(), Clip(clip.frames, times))


def test_a_seed_decides_the_sample() -> None:
    """The same seed gives the same sample to the bit; the source stays as it was."""
    clip, task = brightening(), bind()
    digests = [sample_of(task, clip, seed).digest() for seed in range(6)]
    assert digests == [sample_of(task, clip, seed).digest() for seed in range(6)]
    assert len(set(digests)) == 6
    assert clip == brightening()


def test_samples_of_this_version_never_move() -> None:
    """Recorded, not worked out: whoever moves these has to raise the plugin's version."""
    samples = [sample_of(bind(), brightening(), seed) for seed in range(4)]
    drawn = [(sample.answer, sample.target["frames"][0]) for sample in samples]
    assert (plugin.version, drawn) == ("1", [("3.00", 1), ("3.00", 4), ("2.00", 2), ("3.00", 0)])


@pytest.mark.parametrize(
    ("stated", "true", "greatest", "reward"),
    [
        (2.0, 2.0, 4.0, 1.0),
        (1.0, 2.0, 4.0, 0.5),  # half as fast is half of the way to a quarter: log 2 / log 4
        (4.0, 2.0, 4.0, 0.5),
        (0.5, 2.0, 4.0, 0.0),  # log 4 / log 4
        (1.0, 4.0, 4.0, 0.0),
        (100.0, 2.0, 4.0, 0.0),  # further than the scale reaches
        (0.0, 2.0, 4.0, 0.0),
        (3.0, 1.0, 9.0, 0.5),
    ],
)
def test_reward_is_one_less_the_share_of_the_scale(
    stated: float, true: float, greatest: float, reward: float
) -> None:
    """Worked out by hand."""
    assert closeness(stated, true, greatest) == pytest.approx(reward)


@given(
    true=st.floats(0.06, 16),
    near=st.floats(1, 20),
    far=st.floats(1, 20),
    faster=st.booleans(),
    greatest=st.floats(1.05, 16),
)
def test_reward_falls_with_the_distance_on_both_sides(
    true: float, near: float, far: float, faster: bool, greatest: float
) -> None:
    """In [0, 1], 1.0 for the true factor, never more for a factor further off; alike above and below."""
    near, far = sorted((near, far))
    rewards = [closeness(true * by if faster else true / by, true, greatest) for by in (near, far)]
    assert 0 <= rewards[1] <= rewards[0] <= 1
    assert closeness(true, true, greatest) == 1.0
    assert closeness(true * far, true, greatest) == pytest.approx(
        closeness(true / far, true, greatest)
    )


def test_reward_falls_along_the_near_misses() -> None:
    """A quarter, half and all of the scale off, to what two decimals leave of it."""
    task = bind()
    for seed in range(20):
        sample = sample_of(task, brightening(), seed)
        stated = [sample.answer, *plugin.near_misses(sample)]
        rewards = [task.score(one, sample.answer, sample.target).value for one in stated]
        assert rewards == pytest.approx([1, 0.75, 0.5, 0], abs=0.02)
        assert all(near > far for near, far in pairwise(rewards))


def test_marks_are_the_halves() -> None:
    """At easy 8 frames each, under their speeds."""
    sample = sample_of(bind(), brightening(), difficulty=0.0)
    first, second = sample.target["speeds"]
    assert plugin.marks(sample) == [
        Mark(0, 0, 8, f"first half, speed {first}"),
        Mark(0, 8, 16, f"second half, speed {second}"),
    ]


@pytest.mark.parametrize("completion", ["1.5", "1.50", " 1.50\n", "1.500", "01.5"])
def test_one_number_is_an_answer(completion: str) -> None:
    """With space around it, and as many decimals as one likes."""
    assert read_factor(completion) == 1.5


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "1.5x",
        "1.5 times",
        "The factor is 1.5",
        "3/2",
        "1,5",
        "-1.5",
        "+1.5",
        "1.",
        ".5",
        "1e0",
        "nan",
        "inf",
        "1.5 1.5",
        "99999",
        "\u0661.\u0665",  # Arabic digits, which `float` would take
        "\u00b2",
        " " * 1_000_000 + "x",
        "1" * 1_000_000,
    ],
)
def test_any_other_text_is_none(completion: str) -> None:
    """Nothing is guessed out of prose, and a hostile length takes no time."""
    with pytest.raises(Unparsable, match=r"^must be one number, such as 1\.25$"):
        read_factor(completion)


@given(st.text() | st.text(alphabet="0123456789. x\n", max_size=12))
def test_any_text_is_graded_or_unparsable(completion: str) -> None:
    """No text raises anything but `Unparsable`, and every grade is finite and in [0, 1]."""
    try:
        value = plugin.reward(completion, "1.50", {"greatest": 4.0})
    except Unparsable:
        return
    assert math.isfinite(value)
    assert 0 <= value <= 1


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_scores_one_from_a_stored_target(seed: int) -> None:
    """Targets are stored with recipes, as JSON; the answer scores exactly 1."""
    task = bind()
    sample = sample_of(task, brightening(), seed, difficulty=1.0)
    target = json.loads(json.dumps(sample.target))
    assert task.score(sample.answer, sample.answer, target).value == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"speeds": [1]}, "at least 2 items"),
        ({"speeds": [1, 2, 2]}, r"speeds \[1, 2, 2\] repeat"),
        ({"speeds": [0, 1]}, "greater than or equal to 1"),
        ({"speeds": [2, 3]}, "least_factor reaches 2, .* differ by a factor of 1.5 at most"),
        ({"least_factor": 0.5}, "must stay from 1 to 16"),
        ({"pairs": 1}, "must stay from 2 to 32"),
        ({"least_motion": -1}, "greater than or equal to 0"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """The message names the bound."""
    with pytest.raises(ValidationError, match=message):
        bind(**settings)
