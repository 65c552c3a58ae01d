"""Diagnoses: how many of N answers are right, what GRPO would learn, and what the figures advise."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from fake_answerers import Says, truthful

from videossr.build import build
from videossr.cli.app import main
from videossr.config import load_config
from videossr.dataset import Dataset
from videossr.procedural import write_videos
from videossr.scan import scan
from videossr_trainers.answering import Answer, Decoding
from videossr_trainers.answering.choice import ModelOptions
from videossr_trainers.diagnosis.advice import advise
from videossr_trainers.diagnosis.diagnosis import Diagnosis, diagnosis_of, settle
from videossr_trainers.diagnosis.groups import Group, Slice
from videossr_trainers.diagnosis.source import DatasetSource, Posed, few_valued, plain_renderer
from videossr_trainers.downstream.asking import ask
from videossr_trainers.downstream.how import How
from videossr_trainers.downstream.truth import Grade

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr_trainers.answering import Asked


def group(
    *values: float | None, said: Sequence[str] = (), number: int = 0, floor: float | None = 0.2
) -> Group:
    """The answers to a question, by what they are worth; None for one that could not be read."""
    texts = said or [f"{number}: {value}" for value in values]
    grades = tuple(
        Grade(value or 0.0, text, parsed=value is not None)
        for value, text in zip(values, texts, strict=True)
    )
    posed = Posed(f"{number}", f"{number}", "t", "easy", f"v{number}", floor, answer=f"{number}")
    return Group(posed, grades)


def pieces(groups: Sequence[Group], parts: Sequence[Slice] = ()) -> dict[str, str]:
    """The verdict on some questions, and the notes after it, with the numbers that led to each."""
    told = advise(Slice("t", "", "", groups), parts)
    return {one.what: one.because for one in (told, *told.notes)}


def test_figures_by_hand() -> None:
    """Of four questions with four answers: none, one, one and all right; two flat, three strictly."""
    some = Slice(
        "t",
        "",
        "",
        [
            group(0, 0, 0, 0),
            group(1, 0.5, 0, 0),
            group(0.2, 0.4, 0.6, 0.8),
            group(1, 1, 1, 1),
            group(None, None, 0, 0),
        ],
    )
    assert some.histogram == [3, 1, 0, 0, 1]
    assert some.strictly_flat == pytest.approx(4 / 5)
    assert some.flat == pytest.approx(3 / 5)
    assert some.reward.mean == pytest.approx((0 + 1.5 / 4 + 0.5 + 1 + 0) / 5)
    assert some.strict_reward.mean == pytest.approx((1 / 4 + 1) / 5)
    assert some.floor == pytest.approx(0.2)
    assert some.normalised == pytest.approx((0.375 - 0.2) / 0.8)
    assert some.unread == pytest.approx(2 / 20)
    assert some.expected_ends == pytest.approx(0.25**4 + 0.75**4)


def test_a_threshold_says_what_is_right() -> None:
    """For answers that are never exactly right, such as spans that people marked."""
    grades = tuple(Grade(value, f"{value}") for value in (0.4, 0.5, 0.9))
    posed = group(0, 0).question
    assert Group(posed, grades).right == 0
    assert Group(posed, grades, right_from=0.5).right == 2


def test_easy_hard_and_bimodal() -> None:
    """Each is told where it is so, with the share that led to it."""
    easy = [group(1, 1, 1, 1, number=n) for n in range(9)] + [group(1, 0, 0, 1, number=9)]
    assert "90\N{NO-BREAK SPACE}% of questions have 4 of 4 right" in pieces(easy)["too easy"]
    hard = [group(0, 0, 0.1, 0, number=n) for n in range(10)]
    told = pieces(hard)["too hard"]
    assert "100\N{NO-BREAK SPACE}% of questions have none of 4 right" in told
    assert "the blind floor 20.0" in told
    both = [group(*[float(n % 2)] * 4, number=n) for n in range(10)]
    assert "12\N{NO-BREAK SPACE}% would be either" in pieces(both)["bimodal"]
    assert "bimodal" not in pieces(easy)
    assert "bimodal" not in pieces(hard)


def test_too_hard_gives_the_reason_that_holds() -> None:
    """No better than a guess, or above it and yet alike: each with its own numbers and advice."""
    guessed = advise(Slice("t", "", "", [group(0, 0, 0.1, 0, number=n) for n in range(10)]))
    assert "not shown to earn more than a guess" in guessed.do
    alike = [group(*[0.75] * 4, number=n) for n in range(6)]
    above = advise(
        Slice("t", "", "", [*alike, *[group(0.7, 0.7, 0.8, 0.8, number=n) for n in range(6, 10)]])
    )
    assert above.what == guessed.what == "too hard"
    assert "guess" not in above.do
    assert (
        "on 60\N{NO-BREAK SPACE}% all answers earn alike under the smooth reward" in above.because
    )
    assert "mean is 75.0 [75.0, 75.0], the blind floor 20.0" in above.because


def test_a_smooth_reward_that_teaches_is_not_too_hard() -> None:
    """None right, and yet the answers differ and earn more than blind: the strict reward is what fails."""
    some = [group(0.5, 0.6, 0.7, 0.8, number=n) for n in range(10)]
    told = pieces(some)
    assert list(told) == ["in range", "the smooth reward teaches more"]
    assert "100\N{NO-BREAK SPACE}%" in told["the smooth reward teaches more"]


def test_answers_that_earn_no_more_than_blind_are_told() -> None:
    """Some are right by luck, and what earns them is not the video."""
    some = [group(1, 0.2, 0, 0, number=n, floor=0.4) for n in range(10)]
    assert (
        "The mean reward is 30.0 [30.0, 30.0], the blind floor 40.0"
        in pieces(some)["no better than blind"]
    )


def test_good_questions_are_in_range() -> None:
    """Where there is nothing to change the advice says so."""
    some = [group(1, 0, 1, 0, number=n) for n in range(10)]
    assert list(pieces(some)) == ["in range"]


def level(name: str, groups: Sequence[Group]) -> Slice:
    """Questions of one level."""
    return Slice("t", "level", name, groups)


EASY = [group(1, 1, 1, 1, number=n) for n in range(10)]
HARD = [group(0, 0, 0, 0, said="abcd", number=n) for n in range(10, 20)]
GOOD = [group(1, 0, 1, 0, number=n) for n in range(20, 40)]


@pytest.mark.parametrize(
    ("groups", "verdict"),
    [
        ([*EASY, *HARD], "bimodal"),  # at once half too easy and half too hard
        ([*EASY, *HARD[:2]], "bimodal"),  # 83 % are always right, and yet not all is easy
        ([*EASY, *HARD[:1]], "too easy"),
        ([*HARD, *EASY[:1]], "too hard"),
        ([*EASY[:5], *GOOD[:5]], "too easy"),
        # Neither end has a half: little is learnt, and nobody is told to train.
        ([*EASY[:4], *HARD[:1], *GOOD[:5]], "little to learn"),
        (GOOD, "in range"),
        ([group(0, 0, None, None, number=n) for n in range(9)], "parse failures dominate"),
    ],
)
def test_questions_have_one_verdict(groups: Sequence[Group], verdict: str) -> None:
    """However many of the marks are passed, and no note is a verdict."""
    told = advise(Slice("t", "", "", groups))
    assert told.what == verdict
    notes = {"broken labels suspected", "the smooth reward teaches more", "some parts are apart"}
    assert {note.what for note in told.notes} <= notes


def test_advice_on_a_level_goes_with_that_on_the_whole() -> None:
    """A level that is easy where the whole is in range is named; one that is as the whole is not."""
    levels = [level("easy", EASY), level("train", GOOD), level("hard", HARD)]
    told = pieces([*EASY, *GOOD, *HARD], levels)
    assert list(told) == ["little to learn", "some parts are apart"]
    assert told["some parts are apart"] == "level easy is too easy; level hard is too hard."
    assert list(pieces(EASY, [level("easy", EASY)])) == ["too easy"]
    whole = advise(Slice("t", "", "", [*EASY, *EASY, *HARD[:1]]), [level("hard", HARD)])
    assert whole.what == "too easy"
    assert "the advice is for the others" in whole.notes[0].do


def test_what_one_video_says_is_no_verdict() -> None:
    """Ten questions about it are one observation: no interval, no advice."""
    one = [Group(replace(g.question, video="v"), g.grades) for g in GOOD]
    assert list(pieces(one)) == ["too few questions"]
    assert "about 1 video." in pieces(one)["too few questions"]


def test_broken_labels_are_suspected() -> None:
    """Where all agree far from the label, and the model is otherwise good."""
    good = [group(1, 1, 0, 1, said=[f"{n}", f"{n}", "x", f"{n}"], number=n) for n in range(10)]
    wrong = group(0, 0, 0, 0, said=["7"] * 4, number=10)
    assert (
        "On 1 of 11 questions all 4 answers agree"
        in pieces([*good, wrong])["broken labels suspected"]
    )
    assert Slice("t", "", "", [*good, wrong]).suspects == [wrong]
    # Different wrong answers, a near miss and what cannot be read are no such sign.
    for other in (
        group(0, 0, 0, 0, said=["7", "7", "7", "8"], number=10),
        group(0.9, 0.9, 0.9, 0.9, said=["7"] * 4, number=10),
        group(None, None, None, None, said=["7"] * 4, number=10),
    ):
        assert "broken labels suspected" not in pieces([*good, other])


def test_a_model_that_knows_little_does_not_break_labels() -> None:
    """What it agrees on is no evidence: here it earns 0.68, of which 0.5 is to be had blind."""
    good = [group(1, 1, 0, 1, said=[f"{n}", f"{n}", "x", f"{n}"], number=n) for n in range(10)]
    some = [*good, group(0, 0, 0, 0, said=["7"] * 4, number=10)]
    for floor, suspected in ((0.2, True), (0.5, False)):
        known = [Group(replace(one.question, floor=floor), one.grades) for one in some]
        assert suspected == ("broken labels suspected" in pieces(known))


def test_a_model_that_always_says_the_same_does_not_break_labels() -> None:
    """It agrees with itself on everything, which says nothing of the labels."""
    some = [group(0, 0, 0, 0, said=["3,3,3"] * 4, number=n) for n in range(9)]
    some.append(group(1, 1, 1, 1, said=["3,3,3"] * 4, number=9))
    told = pieces(some)
    assert told["one answer to everything"] == (
        "100\N{NO-BREAK SPACE}% of all answers are '3,3,3', while the questions have 10 different right "
        "answers."
    )
    assert "broken labels suspected" not in told


def test_what_is_often_right_is_no_habit() -> None:
    """Of two options each is said half of the time by a model that is always right."""
    some = [
        Group(replace(one.question, answer="AB"[n % 2]), one.grades)
        for n in range(10)
        for one in [group(1, 1, said=["AB"[n % 2]] * 2, number=n)]
    ]
    assert list(pieces(some)) == ["too easy"]


def test_parse_failures_come_first() -> None:
    """Nothing else can be judged before; where answers were cut off, that is said."""
    some = [group(None, None, 0, 1, number=n) for n in range(10)]
    assert (
        "50\N{NO-BREAK SPACE}% of the answers have not the form"
        in pieces(some)["parse failures dominate"]
    )
    cut = [Group(one.question, one.grades, cut_off=2) for one in some]
    assert "took up all their tokens" in pieces(cut)["parse failures dominate"]


def test_few_questions_give_no_advice() -> None:
    """Anything might come of them."""
    assert list(pieces([group(0, 0)])) == ["too few questions"]


def test_fields_of_few_values_part_the_figures() -> None:
    """By whatever the questions have, with no name known: few values, and several questions to each."""
    fields = [
        {"kind": "ab"[n % 2], "same": "x", "own": f"{n}", "rare": "y" if n < 8 else f"{n}"}
        for n in range(12)
    ]
    posed = [Posed("k", "k", "t", "", "v", None, fields=some) for some in fields]
    assert few_valued(posed) == ["kind"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some questions of two tasks, about two videos, in a light that wanders, under a strict reward.

    Both tasks are of the plugin whose blind floors are measured soonest.
    """
    folder = tmp_path_factory.mktemp("diagnosed")
    write_videos(folder / "videos", 2, seed=1, seconds=6.0, fps=8.0, height=64, width=64, workers=1)
    settings = [
        *("build.size=32", "build.refill=true"),
        *("tasks.jigsaw.enabled=false", "tasks.counting.enabled=false"),
        "tasks.second={plugin: anomaly, perturbations: {freeze: {}, invert: {}}}",
        "modifiers={strict_reward: {}, drift: {}}",
    ]
    rows = scan(folder / "videos")
    build(load_config("tiny", settings), rows, folder / "videos").save(folder / "dataset")
    return folder / "dataset"


@pytest.fixture(scope="module")
def source(dataset: Path) -> DatasetSource:
    """All of its questions."""
    loaded = Dataset.load(dataset)
    return DatasetSource(loaded, plain_renderer(loaded))


def found_in(source: DatasetSource, model: Says, *, answers: int = 4) -> Diagnosis:
    """The diagnosis of a dataset."""
    decoding = Decoding(answers=answers, temperature=1.0)
    asking = ask(source.keys, source.sample, partial(settle, source, 1.0), model, decoding)
    assert asking
    return diagnosis_of("it", source, asking, How({}, model.identity, asking.usage))


def near(asked: Asked, number: int) -> str:
    """The truth, with its last digit changed now and then."""
    text = asked.sample.answer
    dice = random.Random(f"{asked.key} {number}")
    return text if dice.random() < 0.5 else f"{text[:-1]}{(int(text[-1]) + 1) % 10}"


def test_a_model_that_is_right_finds_everything_easy(source: DatasetSource) -> None:
    """All answers to all questions, of every task."""
    found = found_in(source, truthful())
    assert sum(len(some.groups) for some in found.tasks) == 32
    for some in found.tasks:
        assert some.histogram[-1] == len(some.groups)
        assert some.floor is not None
        assert 0 < some.floor < 1


def test_the_smooth_reward_is_seen_behind_the_datasets_own_modifier(source: DatasetSource) -> None:
    """The dataset was built with a strict reward; what is compared is the tasks' own beside it."""
    found = found_in(source, Says(near))
    rewards = {one.value for group in found.groups for one in group.grades}
    assert rewards - {0.0, 1.0}
    assert all(some.flat <= some.strictly_flat for some in found.tasks)


def test_what_was_done_to_a_video_parts_the_figures(source: DatasetSource) -> None:
    """By what the targets name, where they name something."""
    found = found_in(source, Says(near))
    parted = {part.by for some in found.tasks for part in found.parts(some.task)}
    assert "perturbation" in parted
    for some in found.tasks:
        by = {part.by for part in found.parts(some.task)}
        for name in by:
            parts = [part for part in found.parts(some.task) if part.by == name]
            assert len(parts) > 1
            assert sum(len(part.groups) for part in parts) <= len(some.groups)


def test_a_limit_takes_as_many_of_each_task(dataset: Path) -> None:
    """Always the same ones."""
    loaded = Dataset.load(dataset)
    some, again = (
        found_in(DatasetSource(loaded, plain_renderer(loaded), limit=2), truthful())
        for _ in range(2)
    )
    assert [len(task.groups) for task in some.tasks] == [2] * len(some.tasks)
    assert [g.question.key for g in some.groups] == [g.question.key for g in again.groups]


def test_a_failed_answer_sets_its_question_apart(source: DatasetSource) -> None:
    """A smaller group has another chance of being all alike."""
    bad: list[str] = []

    def says(asked: Asked, number: int) -> str | Answer:
        bad.append(asked.key) if not bad else None
        if asked.key == bad[0] and number == 3:
            return Answer("", failure="no")
        return asked.sample.answer

    found = found_in(source, Says(says))
    assert dict(found.failed) == {bad[0]: "1 of 4 answers failed: no"}
    assert len(found.groups) == 31


def test_the_command_reports_a_dataset(
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """HTML, JSON and CSV of the same figures."""
    monkeypatch.setattr(ModelOptions, "answerer", lambda self, cache=None: Says(near))
    run = tmp_path / "run"
    words = ["diagnose", dataset, "-o", run, "--model", "fake", "-n", "4", "--shown", "3"]
    with pytest.raises(SystemExit) as stop:
        main([*map(str, words)])
    assert not stop.value.code
    assert "questions, right of 4:" in capsys.readouterr().out
    results = json.loads((run / "results.json").read_text())
    assert sum(task["questions"] for task in results["tasks"].values()) == 32
    assert all(sum(task["right"]) == task["questions"] for task in results["tasks"].values())
    for task in results["tasks"].values():
        assert {part["by"] for part in task["parts"]} >= {"perturbation"}
        assert all(part["verdict"] for part in task["parts"])
        assert isinstance(task["advice"]["notes"], list)
    how = results["how"]
    assert (how["answers"], how["temperature"], how["limit"]) == (4, 1.0, None)
    assert (how["identity"], how["spent"]["answers"]) == ({"model": "fake"}, 128)
    assert (how["session"]["questions"], how["session"]["asked"]["answers"]) == (32, 128)
    rows = list(csv.DictReader((run / "questions.csv").read_text().splitlines()))
    assert len(rows) == 32
    page = (run / "report.html").read_text()
    assert page.count('<article class="sample') == 3
    assert all(f"{task}" in page for task in results["tasks"])


def test_options_without_effect_are_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them at once: those of lists beside a dataset, and those of datasets beside a list."""
    numbers = {"--num-frames": 8, "--fps": 1, "--max-pixels": 4096}
    of_lists = {"--scorer": "exact", "--videos": dataset, **numbers, "--count-malformed": ""}
    of_datasets = {"--root": dataset, "--plugins-dir": dataset, "--allow": "some"}
    (tmp_path / "list.json").write_text("[]")
    for what, given in ((dataset, of_lists), (tmp_path / "list.json", of_datasets)):
        words = [str(word) for pair in given.items() for word in pair if word != ""]
        with pytest.raises(SystemExit) as stop:
            main(["diagnose", str(what), "-o", str(tmp_path / "run"), "--model", "fake", *words])
        assert stop.value.code == 2
        told = capsys.readouterr().err
        assert [name for name in (of_lists | of_datasets) if f"{name}: is for" in told] == [*given]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ((), "a list does not say how it is graded"),
        (("--scorer", "number"), 'answer is "soon"; must be a number'),
    ],
)
def test_a_list_needs_a_scorer_that_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], told: str
) -> None:
    """Told before a model is loaded, with exit code 2."""
    path = tmp_path / "list.json"
    path.write_text(json.dumps([{"video": "a.mp4", "question": "?", "answer": "soon"}]))
    with pytest.raises(SystemExit) as stop:
        main(["diagnose", str(path), "-o", str(tmp_path / "run"), "--model", "fake", *more])
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


def test_a_list_is_diagnosed_by_its_scorer(
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Spans are right from the threshold on; fields of the rows part the figures; no floor is known."""
    video = min((dataset.parent / "videos").glob("*.mp4")).name
    rows = [
        {"video": video, "question": f"Event {n}", "answer": [1, 3], "kind": "ab"[n % 2]}
        for n in range(8)
    ]
    path = tmp_path / "list.json"
    path.write_text(json.dumps([*rows, {**rows[0], "video": "gone.mp4"}]))
    says = Says(lambda _, number: "1-3" if number else "1.5-3")
    monkeypatch.setattr(ModelOptions, "answerer", lambda self, cache=None: says)
    words = ["diagnose", path, "-o", tmp_path / "run", "--model", "fake", "-n", "2", "-q"]
    words += ["--scorer", "iou", "--right", "0.7", "--videos", dataset.parent / "videos"]
    with pytest.raises(SystemExit) as stop:
        main([*map(str, words)])
    assert stop.value.code == 1  # one of the questions has no video
    told = capsys.readouterr().err
    assert "error: 1 question could not be asked, such as row 9: gone.mp4: no such file" in told
    (task,) = json.loads((tmp_path / "run" / "results.json").read_text())["tasks"].values()
    assert task["right"] == [0, 0, 8]
    assert task["reward"]["smooth"]["mean"] == pytest.approx((1 + 0.75) / 2)
    assert task["zero_variance"] == {"strict": 1.0, "smooth": 0.0}
    assert task["floor"] is None
    assert {(part["by"], part["value"]) for part in task["parts"]} == {("kind", "a"), ("kind", "b")}
    assert list(json.loads((tmp_path / "run" / "results.json").read_text())["not_asked"]) == [
        "row 9"
    ]
