"""Runs on the same questions, side by side: what differs, and which runs are refused."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from fake_answerers import Says

from videossr.cli.app import main
from videossr.procedural import write_videos
from videossr_trainers.answering import Answer
from videossr_trainers.answering.choice import ModelOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videossr_trainers.answering import Asked

EVIL = "<script>alert('x')</script>"

#: Three questions about each of two videos; of the right labels half are A.
ROWS: list[dict[str, Any]] = [
    {
        "video": f"{n % 2}.mp4",
        "question": f"Question {n} {EVIL}",
        "options": ["yes", "no"],
        "answer": "AB"[n // 3],
        "category": ["odd", "even"][n % 2],
    }
    for n in range(6)
]


@dataclass
class Runs:
    """A place for runs, and the models that are put to them."""

    place: Path
    videos: Path
    monkeypatch: pytest.MonkeyPatch

    def run(
        self,
        name: str,
        says: Callable[[Asked, int], str | Answer],
        *words: str,
        rows: object = ROWS,
    ) -> Path:
        """A run of a model, by the name of both; an evaluation if nothing else is said."""
        model = Says(says)
        self.monkeypatch.setattr(ModelOptions, "answerer", lambda self, cache=None: model)
        listed = self.place / "list.json"
        listed.write_text(json.dumps(rows))
        command = list(words) or ["eval", "vqa"]
        at = 1 if command[0] == "diagnose" else 2
        more = ["--videos", self.videos, "-o", self.place / name, "--model", name, "-q"]
        more += ["--shown", "0", "--workers", "1"]
        code([*command[:at], listed, *command[at:], *more])
        return self.place / name


def code(words: list[object]) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as stop:
        main([*map(str, words)])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short videos."""
    folder = tmp_path_factory.mktemp("compared")
    paths = write_videos(folder, 8, seed=3, seconds=2.0, fps=4.0, height=32, width=32, workers=1)
    for number, path in enumerate(paths):
        path.rename(folder / f"{number}.mp4")
    return folder


@pytest.fixture
def runs(tmp_path: Path, videos: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Where runs are made."""
    return Runs(tmp_path, videos, monkeypatch)


def right(asked: Asked, _: int) -> str:
    """The right label."""
    return asked.sample.answer[0]


def always_a(asked: Asked, _: int) -> str | Answer:
    """A, and to one of the questions nothing at all."""
    if asked.sample.question.startswith("Question 5"):
        return Answer("", failure="the server hung up")
    return "A"


def test_evaluations_are_compared_question_by_question(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: of five questions that both answered A is right for three, and the model for all.

    About the first video A is right for two of three, about the second for one of two.
    """
    first, second = runs.run("before", always_a), runs.run("after", right)
    capsys.readouterr()
    page = runs.place / "both.html"
    assert code(["eval", "report", first, second, "-o", page]) == 0
    told = capsys.readouterr().out
    assert (
        "after minus before, accuracy: +40.0 [+33.3, +50.0] over 5 questions: too few videos"
        in told
    )
    tree = json.loads(page.with_suffix(".json").read_text())
    (compared,) = tree["comparisons"]
    assert (compared["first"], compared["second"]) == ("before", "after")
    whole, even, odd = compared["differences"]
    assert whole["group"] == "all questions"
    assert (whole["first"], whole["second"], whole["unpaired"]) == (0.6, 1.0, 1)
    assert whole["change"] == pytest.approx({"mean": 0.4, "low": 1 / 3, "high": 0.5, "videos": 2})
    # By two videos nothing is shown; each category is about one, so there is no interval either.
    assert [one["verdict"] for one in (whole, even, odd)] == ["too few videos"] * 3
    assert odd["change"] == {"mean": pytest.approx(1 / 3), "low": None, "high": None, "videos": 1}
    rows = list(csv.DictReader(page.with_suffix(".csv").read_text().splitlines()))
    assert [row["group"] for row in rows] == ["all questions", "even", "odd"]
    assert (rows[0]["videos"], rows[0]["verdict"], rows[1]["low"]) == ("2", "too few videos", "")
    html = page.read_text()
    assert EVIL not in html
    assert "too few videos" in html
    assert "http://" not in html
    assert code(["eval", "report", second, first, "-o", page]) == 0  # a page of ours is replaced
    assert "before minus after, accuracy: \N{MINUS SIGN}40.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "verdicts"),
    [
        (7, ["too few videos"] * 3),
        (8, ["higher", "lower", "no difference shown"]),
    ],
)
def test_a_difference_is_shown_from_eight_videos_on(
    runs: Runs, capsys: pytest.CaptureFixture[str], count: int, verdicts: list[str]
) -> None:
    """As `bench report` has it: fewer all go the same way too often where nothing makes a difference."""
    rows = [{**ROWS[3], "video": f"{n}.mp4", "question": f"Question {n}"} for n in range(count)]
    first = runs.run("before", lambda *_: "A", rows=rows)
    second = runs.run("after", right, rows=rows)
    for pair, verdict in zip(
        ([first, second], [second, first], [first, first]), verdicts, strict=True
    ):
        capsys.readouterr()
        assert code(["eval", "report", *pair, "-o", runs.place / "both.html"]) == 0
        assert capsys.readouterr().out.splitlines()[0].endswith(f"{count} questions: {verdict}")
    assert "drawn from 8 videos or more" in (runs.place / "both.html").read_text()


def test_diagnoses_are_compared(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """In their mean reward, and in how many questions there is nothing to learn from."""
    words = ["diagnose", "-n", "2", "--scorer", "choice"]
    first = runs.run("base", lambda _, number: "AB"[number], *words)
    second = runs.run("tuned", right, *words)
    capsys.readouterr()
    assert code(["eval", "report", first, second, "-o", runs.place / "both.html"]) == 0
    told = capsys.readouterr().out
    assert (
        "tuned minus base, mean reward: +50.0 [+50.0, +50.0] over 6 questions: too few videos"
        in told
    )
    assert "all alike, smooth: +100.0" in told


@pytest.mark.parametrize(
    ("words", "reasons"),
    [
        (["-n", "3"], ["--answers is 3; "]),
        (["-n", "3", "--temperature", "0.5"], ["--answers is 3; ", "--temperature is 0.5; "]),
    ],
)
def test_diagnoses_that_drew_otherwise_are_refused(
    runs: Runs, capsys: pytest.CaptureFixture[str], words: list[str], reasons: list[str]
) -> None:
    """Three answers are more seldom all alike than two, whatever the model; every difference is told."""
    first = runs.run("first", right, "diagnose", "--scorer", "choice", "-n", "2")
    other = runs.run("other", right, "diagnose", "--scorer", "choice", *words)
    assert code(["eval", "report", first, other, "-o", runs.place / "both.html"]) == 2
    told = capsys.readouterr().err
    assert [reason in told for reason in reasons] == [True] * len(reasons)
    assert len(reasons) == told.count("compare runs that differ in the model alone")


def test_runs_on_other_questions_are_refused(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    """With how many they share; so are runs of another kind, one alone, and what is no run."""
    first = runs.run("first", right)
    other = runs.run("other", right, rows=[*ROWS[:4], {**ROWS[4], "question": "What else?"}])
    diagnosed = runs.run("diagnosed", right, "diagnose", "-n", "2", "--scorer", "choice")
    (runs.place / "empty").mkdir()
    (runs.place / "notes.html").write_text("mine")
    unfinished = runs.place / "unfinished"
    unfinished.mkdir()
    (unfinished / "settings.json").write_bytes((first / "settings.json").read_bytes())
    both = runs.place / "both.html"
    for words, exit_code, reason in (
        ([first, other], 2, "of another list of questions: 4 of its 5 are among the 6 of"),
        ([first, diagnosed], 2, "the kind is 'diagnose'"),
        ([first], 2, "a single run"),
        ([first, runs.place / "empty"], 2, "no run"),
        ([first, unfinished], 1, "the run is not done"),
        ([first, first, "-o", runs.place / "notes.html"], 2, "is no report"),
        ([first, first, "-o", runs.place / "both.csv"], 2, "name the page"),
        ([first, first, "-o", first / "results.html"], 2, "results.json: exists already"),
    ):
        output = [] if "-o" in words else ["-o", both]
        assert code(["eval", "report", *words, *output]) == exit_code
        assert reason in capsys.readouterr().err
    assert not both.exists()
    assert json.loads((first / "results.json").read_text())["rows"]


def test_runs_of_one_model_are_told_apart(runs: Runs) -> None:
    """By their folders; and the page says in which settings they differ."""
    first = runs.run("model", right)
    second = first.rename(runs.place / "earlier")
    rows = [{**row, "a note": "that no question has"} for row in ROWS]  # the same questions
    first = runs.run("model", right, "eval", "vqa", "--num-frames", "8", rows=rows)
    page = runs.place / "both.html"
    assert code(["eval", "report", first, second, "-o", page]) == 0
    tree = json.loads(page.with_suffix(".json").read_text())
    assert [run["name"] for run in tree["runs"]] == [f"model ({first})", f"model ({second})"]
    assert tree["runs"][0]["settings"]["video"]["num_frames"] == 8
    (found,) = (one for one in tree["comparisons"][0]["differences"] if one["group"][0] == "a")
    assert found["verdict"] == "too few videos"
    assert "Where the settings differ" in page.read_text()
