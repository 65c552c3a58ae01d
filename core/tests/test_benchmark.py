"""Benchmarks: what they are, what answers to them are worth, baselines, paired differences."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from toy_plugins import toys

from videossr import ConfigError, DatasetError
from videossr.benchmark import (
    Benchmark,
    Constants,
    Graded,
    Question,
    baselines_of,
    compare,
    measure,
    refuse_overlap,
    refuse_planned,
)
from videossr.build import build
from videossr.config import RunConfig, resolve
from videossr.intervals import interval, interval_of_means
from videossr.render import Renderer

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.dataset import Dataset
    from videossr.video_table import VideoRow

VIDEO = {"num_frames": 8, "min_frames": 8, "max_pixels": 2304, "min_pixels": 256}
TASKS = {"pick": {}, "halves": {"perturbations": {"dim": {}, "upend": {}}}}


def configured(**build_settings: object) -> RunConfig:
    """Both toy tasks on the drawn videos, 120 questions unless told otherwise."""
    tree = {
        "seed": 1,
        "video": {**VIDEO, "size_multiple": 16},
        "build": {"size": 120, **build_settings},
        "tasks": TASKS,
    }
    return resolve(tree, toys())


@pytest.fixture(scope="module")
def built(drawn_videos: Path, drawn_rows: list[VideoRow]) -> Dataset:
    """A checked dataset."""
    return build(configured(), drawn_rows, drawn_videos)


def graded(subtask: str, values: list[float], *, videos: int = 1000) -> list[Graded]:
    """Answers of these rewards, about so many videos in turn."""
    return [
        Graded(f"{subtask}/{i}", subtask, f"v{i % videos}", value) for i, value in enumerate(values)
    ]


# What a benchmark is


def test_a_dataset_with_planned_questions_is_no_benchmark(
    drawn_videos: Path, drawn_rows: list[VideoRow], tmp_path: Path
) -> None:
    """Its questions may not hold, so it is refused, with what would be right."""
    planned = build(configured(check=False), drawn_rows, drawn_videos)
    planned.save(tmp_path / "planned")
    with pytest.raises(
        DatasetError, match=r"120 of its 120 questions are not checked.*bench build"
    ):
        Benchmark.load(tmp_path / "planned")
    with pytest.raises(ConfigError, match=r"no dataset, .*; `videossr bench build` makes a bench"):
        Benchmark.load(tmp_path / "plannned")
    with pytest.raises(ConfigError, match=r"build\.check: false; set build\.check=true"):
        refuse_planned(configured(check=False))


def test_the_digest_is_that_of_the_questions_and_of_what_holds_for_their_scores(
    built: Dataset, tmp_path: Path
) -> None:
    """A copy has the same; another pixel, another question, or a modifier gives another."""
    built.save(tmp_path / "a")
    built.save(tmp_path / "b")
    first, *rest = built.recipes
    other_pixels = replace(built, recipes=(replace(first, digest="0" * 32), *rest))
    other_pixels.save(tmp_path / "c")
    replace(built, recipes=tuple(rest)).save(tmp_path / "d")
    stricter = {**built.config, "modifiers": {"strict": {}}}
    replace(built, header=replace(built.header, config=stricter)).save(tmp_path / "e")
    one, two, *others = (Benchmark.load(tmp_path / name).digest for name in "abcde")
    assert one == two
    assert len({one, *others}) == 4


def test_videos_in_common_are_named(built: Dataset, tmp_path: Path) -> None:
    """By number and name, with the way out; of disjoint sets nothing is said."""
    videos = sorted({recipe.video for recipe in built.recipes})
    for name, some in (("one", videos[:3]), ("two", videos[2:]), ("three", videos[3:])):
        recipes = tuple(recipe for recipe in built.recipes if recipe.video in some)
        replace(built, recipes=recipes).save(tmp_path / name)
    refuse_overlap(tmp_path / "one", [tmp_path / "three"])
    with pytest.raises(DatasetError) as error:
        refuse_overlap(tmp_path / "one", [tmp_path / "three", tmp_path / "two"])
    assert f"1 videos in common with {tmp_path / 'one'}: {videos[2]}" in str(error.value)
    assert "build.held_out" in str(error.value)


# Scores


def test_scores_by_hand() -> None:
    """Times 100; failures stand apart; normalised by each subtask's own floor; the mean is that of subtasks.

    a: (1 + 0.5 + 0) / 3 = 50, floor 20, normalised (50 - 20) / 80 = 37.5. b: answered 1 and 0.5, 75,
    floor 50, normalised 50; its third question failed, as 0 it makes 50.
    """
    answers = graded("a", [1.0, 0.5, 0.0]) + graded("b", [1.0, 0.5, 0.0])
    answers[2] = replace(answers[2], parsed=False)
    answers[5] = replace(answers[5], failure="HTTP 500")
    found = measure(answers, {"a": 0.2, "b": 0.5})
    a, b = found.subtasks["a"], found.subtasks["b"]
    assert (a.raw.mean, a.normalised.mean, a.with_failures.mean) == pytest.approx((50, 37.5, 50))
    assert (b.raw.mean, b.normalised.mean, b.with_failures.mean) == pytest.approx((75, 50, 50))
    assert (a.questions, a.unparsable, a.failed) == (3, 1, 0)
    assert (b.questions, b.unparsable, b.failed) == (3, 0, 1)
    mean = found.mean
    assert (mean.raw.mean, mean.normalised.mean, mean.with_failures.mean, mean.floor) == (
        pytest.approx((62.5, 43.75, 50, 35))
    )
    assert (mean.questions, mean.unparsable, mean.failed) == (6, 1, 1)


def test_a_subtask_without_an_answer_leaves_no_mean() -> None:
    """A mean over fewer subtasks would not compare, so there is none; with failures as 0 there is."""
    lost = [replace(one, failure="timed out") for one in graded("b", [0.0, 0.0])]
    found = measure(graded("a", [1.0, 1.0]) + lost, {"a": 0.2, "b": 0.5})
    assert (found.subtasks["b"].raw, found.mean.raw, found.mean.normalised) == (None, None, None)
    assert found.mean.with_failures.mean == 50


def test_a_floor_at_the_top_leaves_nothing_to_normalise() -> None:
    """There is no room above it."""
    assert measure(graded("a", [1.0]), {"a": 1.0}).subtasks["a"].normalised is None


def test_the_mean_of_one_subtask_has_the_interval_of_that_subtask() -> None:
    """Drawing videos with all their questions is drawing videos."""
    values = np.random.default_rng(3).random(300).tolist()
    videos = [f"v{i % 60}" for i in range(300)]
    of_means = interval_of_means(values, videos, ["a"] * 300)
    assert of_means == pytest.approx(interval(values, videos), abs=0.01)
    assert of_means.mean == pytest.approx(np.mean(values))


def test_subtasks_of_unequal_size_count_alike() -> None:
    """The mean is not that of the questions: (100 + 0) / 2, though 9 of 10 questions are right."""
    found = measure(graded("a", [1.0] * 9) + graded("b", [0.0]), {"a": 0.0, "b": 0.0})
    assert found.mean.raw.mean == 50


def test_a_video_in_several_subtasks_widens_the_interval_of_their_mean() -> None:
    """What is hard about it is hard in each of them, so the subtasks do not make up for each other."""
    ease = np.random.default_rng(4).random(40).tolist()
    shared = [Graded(f"{t}/{i}", t, f"v{i}", e) for t in "abcd" for i, e in enumerate(ease)]
    apart = [replace(one, video=f"{one.subtask}{one.video}") for one in shared]
    floors = dict.fromkeys("abcd", 0.0)
    wide, narrow = (
        found.raw.high - found.raw.low
        for found in (measure(shared, floors).mean, measure(apart, floors).mean)
    )
    assert wide > 1.6 * narrow


def test_one_video_gives_scores_without_intervals() -> None:
    """Neither of a subtask nor of the mean, on no scale: of other videos it says nothing."""
    some = [replace(one, video="v") for one in graded("a", [1.0, 0.0]) + graded("b", [1.0])]
    found = measure(some, {"a": 0.25, "b": 0.0})
    assert found.mean.raw == (75, None, None, 1)
    assert found.subtasks["a"].normalised == (pytest.approx(100 / 3), None, None, 1)


# Differences


def test_an_equal_gain_on_every_question_has_no_width() -> None:
    """Pairing takes out what the questions differ by, whatever order they come in."""
    first = graded("a", [0.0, 0.25, 0.5]) + graded("b", [0.75, 0.1])
    second = [replace(one, value=one.value + 0.25) for one in reversed(first)]
    subtasks, mean = compare(first, second)
    for difference in (subtasks["a"], subtasks["b"], mean):
        assert difference.change == pytest.approx((25, 25, 25, difference.change.videos))
    assert (subtasks["a"].questions, mean.questions, mean.unpaired) == (3, 5, 0)


def test_questions_that_one_did_not_answer_are_left_out() -> None:
    """And counted: here the only gain there would be."""
    first = graded("a", [0.5, 0.5, 0.0])
    second = graded("a", [0.5, 0.5, 1.0])
    second[2] = replace(second[2], failure="refused")
    subtasks, mean = compare(first, second)
    assert subtasks["a"].change == (0, 0, 0, 2)
    assert (mean.questions, mean.unpaired) == (2, 1)


@pytest.mark.parametrize(("videos", "shown"), [(7, False), (8, True)])
def test_few_videos_show_no_difference(videos: int, *, shown: bool) -> None:
    """However far the interval is from zero: few of anything go the same way by chance."""
    worse = graded("a", [0.0] * videos)
    better = [replace(one, value=0.5 + 0.01 * i) for i, one in enumerate(worse)]
    _, up = compare(worse, better)
    _, down = compare(better, worse)
    assert up.change.low > 50 > -50 > down.change.high
    expected = ("higher", "lower") if shown else ("too few videos",) * 2
    assert expected == (up.change.verdict, down.change.verdict)


def test_other_questions_cannot_be_paired() -> None:
    """The keys have to be the same."""
    with pytest.raises(ValueError, match="other questions"):
        compare(graded("a", [1.0]), graded("b", [1.0]))


# Baselines


def test_baselines_of_toys(built: Dataset) -> None:
    """The oracle earns 1 each time; a constant earns the floor, 1 in 4 and 1 in 2, within its interval."""
    renderer = Renderer.for_dataset(built, registry=toys())
    questions = [
        Question.of(recipe, renderer.render(recipe), renderer.clip(recipe.excerpt))
        for recipe in built.recipes
    ]
    assert all(question.as_built for question in questions)
    constants = Constants(renderer.config, "some digest")
    found = baselines_of(questions, renderer.config, constants)
    assert {1.0} == {guess.value for guess in found["oracle"]}
    for subtask in built.tasks:
        numbers = [i for i, question in enumerate(questions) if question.subtask == subtask]
        values = [found["constant"][i].value for i in numbers]
        _, low, high, _ = interval(values, [questions[i].key for i in numbers])
        # One of many such intervals misses by chance, and the videos' bytes are those of this PyAV.
        room = (high - low) / 2
        assert low - room <= built.floors[subtask] <= high + room
        assert 1 == len({found["constant"][i].text for i in numbers})
        answers = [questions[i].answer for i in numbers]
        # In expectation over all others: how many of them have the same answer.
        share = [(answers.count(answer) - 1) / (len(answers) - 1) for answer in answers]
        assert [found["random"][i].value for i in numbers] == pytest.approx(share)


def test_a_question_survives_json(built: Dataset) -> None:
    """What a run keeps of it is what grading needs."""
    renderer = Renderer.for_dataset(built, registry=toys())
    recipe = built.recipes[0]
    question = Question.of(recipe, renderer.render(recipe), renderer.clip(recipe.excerpt))
    again = Question.read(question.tree())
    assert again == question
    assert 1.0 == again.score(renderer.task(recipe), again.answer).value
