"""Evaluations from a list to a report, with models that a test decides on."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from fake_answerers import Says, truthful

from videossr import ConfigError
from videossr.cli.app import main
from videossr.config import VideoConfig
from videossr.procedural import write_videos
from videossr_trainers.answering import Answer, Decoding
from videossr_trainers.answering.cache import AnswerCache
from videossr_trainers.answering.cached import Cached
from videossr_trainers.answering.choice import ModelOptions
from videossr_trainers.answering.cost import Prices
from videossr_trainers.downstream.asking import ask
from videossr_trainers.downstream.figures import baselines, by_category, figures_of
from videossr_trainers.downstream.folder import claim
from videossr_trainers.downstream.how import How
from videossr_trainers.downstream.outcome import (
    Outcome,
    askable,
    counts,
    outcomes_of,
    sample_of,
)
from videossr_trainers.downstream.reading import read_list
from videossr_trainers.downstream.videos import Videos, look_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr_trainers.answering import Asked
    from videossr_trainers.downstream.truths import Scorer

CONFIG = VideoConfig(num_frames=8, min_frames=4, fps=2.0, max_pixels=4096, min_pixels=1024)

ROWS: list[dict[str, Any]] = [
    {"video": "0000.mp4", "question": "Which?", "options": ["cat", "dog"], "answer": "A"},
    {"video": "0000", "question": "What?", "options": ["cat", "dog"], "answer": "dog"},
    {
        "video": "0001.mp4",
        "question": "Where <b>now</b>?",
        "options": ["up", "down"],
        "answer": "B",
    },
    {"video": "torn.mp4", "question": "Why?", "options": ["so", "not"], "answer": "A"},
    {"video": "gone.mp4", "question": "When?", "options": ["now", "then"], "answer": "A"},
]
SPANS = [
    {"video": "0000.mp4", "question": "It moves", "answer": [0.5, 1.5]},
    {"video": "0001.mp4", "question": "It stops", "answer": [[0, 1], [1.5, 2.5]]},
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short videos and a torn one."""
    folder = tmp_path_factory.mktemp("videos")
    paths = write_videos(folder, 2, seed=3, seconds=3.0, fps=8.0, height=32, width=64, workers=1)
    for number, path in enumerate(sorted(paths)):
        path.rename(folder / f"000{number}.mp4")
    (folder / "torn.mp4").write_bytes((folder / "0000.mp4").read_bytes()[:500])
    return folder


def write_list(path: Path, rows: Sequence[object]) -> Path:
    """JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def outcomes(
    folder: Path, at: Path, model: Says, rows: Sequence[object] = ROWS, *, scorer: Scorer = "vqa"
) -> list[Outcome]:
    """What comes of some rows."""
    listed = read_list(write_list(at / "list.jsonl", rows), scorer)
    seen = look_at([row.video for row in listed.rows], folder, at / "videos.parquet")
    videos = Videos(seen, folder, CONFIG)
    rows_by_key = askable(listed, videos)
    asking = ask(
        list(rows_by_key),
        lambda key: sample_of(rows_by_key[key], videos),
        lambda _, answers: answers[0],
        model,
        Decoding(),
    )
    assert asking
    return outcomes_of(listed, videos, asking)


def test_every_row_has_an_outcome(folder: Path, tmp_path: Path) -> None:
    """What cannot be asked is there as what it is, with its reason, and counts 0 over all rows."""
    found = outcomes(folder, tmp_path, truthful(), [*ROWS, {"video": "0000.mp4"}])
    states = ["graded"] * 3 + ["broken", "missing", "malformed"]
    assert [one.state for one in found] == states
    assert all(one.reason for one in found if not one.answered)
    figures = figures_of(found, "vqa")
    assert figures.over_answered["accuracy"] is not None
    assert figures.over_answered["accuracy"].mean == 1.0
    assert figures.over_rows["accuracy"].mean == 0.5


def test_failed_and_unread_answers_are_told_apart(folder: Path, tmp_path: Path) -> None:
    """No answer is no model's mistake; prose is one, and stays in what was answered."""
    said: dict[str, str | Answer] = {
        "Which?": Answer("", failure="the server hung up"),
        "What?": "well",
        "Where": "B",
    }
    model = Says(
        lambda asked, _: next(a for q, a in said.items() if asked.sample.question.startswith(q))
    )
    found = outcomes(folder, tmp_path, model, ROWS[:3])
    assert [one.state for one in found] == ["failed", "unparsed", "graded"]
    assert found[0].reason == "the server hung up"
    figures = figures_of(found, "vqa")
    assert figures.over_answered["accuracy"] is not None
    assert figures.over_answered["accuracy"].mean == 0.5
    assert figures.over_rows["accuracy"].mean == pytest.approx(1 / 3)


def test_what_a_model_is_shown(folder: Path, tmp_path: Path) -> None:
    """Frames at two a second on the clock that a player shows, and a prompt with the options."""
    model = truthful()
    outcomes(folder, tmp_path, model, ROWS[:1])
    (asked,) = model.asked
    (clip,) = asked.sample.clips
    assert clip.times.tolist() == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])
    assert asked.sample.question == (
        "Which?\nA. cat\nB. dog\nAnswer with the letter of the right option alone: A or B."
    )


def test_figures_of_spans_by_hand(folder: Path, tmp_path: Path) -> None:
    """Half a second of one and a half shared, and the second of two right spans met."""
    said = {"It moves": "1.0-2.0", "It stops": "[1.5, 2.5]"}
    model = Says(lambda asked, _: next(a for q, a in said.items() if q in asked.sample.question))
    found = outcomes(folder, tmp_path, model, SPANS, scorer="iou")
    assert [one.value for one in found] == pytest.approx([1 / 3, 1.0])
    means = {name: v and v.mean for name, v in figures_of(found, "grounding").over_answered.items()}
    right = {"mIoU": 2 / 3, "R@0.3": 1.0, "R@0.5": 0.5, "R@0.7": 0.5}
    assert means == pytest.approx(right)
    # 1 of 3 seconds each, as the videos last three.
    without = baselines(found, "grounding")
    assert without
    assert without.values["the whole video"]["mIoU"] == pytest.approx(1 / 3)


def test_categories_and_baselines(folder: Path, tmp_path: Path) -> None:
    """Each category has its own figures; a guess is one of the options, and one label is most often right."""
    rows = [{**row, "category": "up" if n else "down"} for n, row in enumerate(ROWS)]
    found = outcomes(folder, tmp_path, Says(lambda *_: "B"), rows)
    figures = {one.name: one for one in by_category(found, "vqa")}
    assert figures["down"].over_rows["accuracy"].mean == 0.0
    assert figures["up"].over_rows["accuracy"].mean == 0.5
    assert figures["up"].counts["missing"] == 1
    without = baselines(found, "vqa")
    assert without
    assert without.values["a guess"]["accuracy"] == 0.5
    assert without.values["always B"]["accuracy"] == pytest.approx(2 / 3)


def test_malformed_rows_are_of_the_videos_that_they_name(folder: Path, tmp_path: Path) -> None:
    """Whole videos are drawn: only a row that names none stands for one of its own."""
    rows = [ROWS[0], ROWS[2], {"video": "0000.mp4"}, {"video": "0001.mp4"}, "no row"]
    found = outcomes(folder, tmp_path, truthful(), rows)
    assert counts(found)["malformed"] == 3
    assert figures_of(found, "vqa").over_rows["accuracy"].videos == 3


def test_a_mixed_list_is_compared_where_something_is_known_without_a_model(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Over the multiple choice alone, with the model's score over the same, which the report says.

    The model says B to all three, which is right for one of the two choices.
    """
    Shop(monkeypatch, Says(lambda *_: "B"))
    short = {"video": "0001.mp4", "question": "Who?", "answer": "nobody", "catgory": "two"}
    rows = [{**ROWS[0], "category": "one"}, {**ROWS[1], "answer": "B"}, short]
    listed = write_list(tmp_path / "q.jsonl", rows)
    run = tmp_path / "run"
    assert command("eval", "vqa", listed, "--videos", folder, "-o", run, "--workers", 1) == 0
    warned = """warning: 1 row has a field "catgory"; did you mean 'category'?"""
    assert warned in capsys.readouterr().err
    without = json.loads((run / "results.json").read_text())["without_a_model"]
    assert without["questions"] == 2
    assert without["model"]["accuracy"]["mean"] == 0.5
    assert without["baselines"] == {
        "always A": {"accuracy": 0.5},
        "a guess": {"accuracy": 0.5},
    }
    page = (run / "report.html").read_text()
    assert "2 of these questions are multiple choice: accuracy 50.0" in page
    assert "always A has 50.0 and a guess has 50.0 without a model" in page
    # A filter by what has no category is another than one by nothing.
    assert page.count('name="group" value=""') == 1
    assert 'name="group" value="(no category)"' in page


def test_intervals_are_resampled_by_content(folder: Path, tmp_path: Path) -> None:
    """Two names of one file are one video."""
    found = outcomes(folder, tmp_path, Says(lambda *_: "A"), ROWS[:2])
    assert found[0].content == found[1].content
    only = figures_of(found, "vqa").over_rows["accuracy"]
    assert (only.videos, only.ends) == (1, None)


@pytest.mark.parametrize("name", ["../0000.mp4", "/etc/hostname", "a\0b", "."])
def test_names_that_lead_elsewhere(folder: Path, tmp_path: Path, name: str) -> None:
    """Nothing outside of the folder is read, and a folder is no video."""
    found = outcomes(folder, tmp_path, truthful(), [ROWS[0], {**ROWS[0], "video": name}])
    assert counts(found)["graded"] == 1
    assert found[1].state == ("broken" if name == "." else "missing")


def test_a_folder_without_any_of_the_videos(tmp_path: Path) -> None:
    """Is most likely the wrong one, and is told before anything else."""
    with pytest.raises(ConfigError, match=r"none of the 1 videos is here.*--videos"):
        look_at(["a.mp4"], tmp_path, tmp_path / "table.parquet")


class Shop:
    """Hands out a model in the place of the command's own, and notes whether it was asked for one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model: Says) -> None:
        self.sold = 0

        def answerer(_: ModelOptions, cache: Path | None = None) -> Says:
            assert cache is not None
            self.sold += 1
            return model

        monkeypatch.setattr(ModelOptions, "answerer", answerer)


def command(*words: object, model: object = "fake") -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as stop:
        main([*map(str, words), "--model", str(model)])
    return int(stop.value.code or 0)


def test_the_command_writes_a_report(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """HTML, JSON and CSV of the same figures; hostile texts are shown and not interpreted."""
    evil = "<script>alert('x')</script>"
    Shop(monkeypatch, Says(lambda *_: evil))
    listed = write_list(tmp_path / "questions.jsonl", [*ROWS, {**ROWS[0], "category": evil}])
    run = tmp_path / "run"
    assert command("eval", "vqa", listed, "--videos", folder, "-o", run) == 1
    told, errors = capsys.readouterr()
    assert (
        "error: 1 without an answer, there is no such video, such as line 5, row 5: no such file"
        in errors
    )
    assert "accuracy: 0.0 [0.0, 0.0] over 4 answered, 0.0 [0.0, 0.0] over all 6 rows" in told
    assert "asked in the last session: 4 answers, 40 + 8 tokens; " in told
    results = json.loads((run / "results.json").read_text())
    assert results["counts"]["unparsed"] == 4
    rows = list(csv.DictReader((run / "rows.csv").read_text().splitlines()))
    assert [row["value"] for row in results["rows"]] == [0.0] * 3 + [None] * 2 + [0.0]
    assert results["rows"][3]["completion"] is results["rows"][0]["category"] is None
    assert results["how"]["max_new_tokens"] == 64
    assert results["how"]["revision"] is None
    assert results["how"]["identity"] == {"model": "fake"}
    assert results["how"]["spent"] | {"prompt_tokens": 40, "cost": None} == results["how"]["spent"]
    assert [row["state"] for row in rows] == ["unparsed"] * 3 + ["broken", "missing", "unparsed"]
    session = results["how"]["session"]
    assert session["rates"]["questions"] == pytest.approx(4 / session["seconds"])
    page = (run / "report.html").read_text()
    assert "asked in the last session" in page
    assert evil not in page
    assert "&lt;script&gt;alert(" in page
    assert "gone.mp4" in page
    assert page.count("<video") == 4
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_nothing_answered_fails(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All is written, says so, and has no empty section; the exit code is 1."""
    Shop(monkeypatch, Says(lambda *_: Answer("", failure="the server hung up")))
    rows = [{**row, "category": "one"} for row in ROWS[:2]]
    listed = write_list(tmp_path / "questions.jsonl", rows)
    run = tmp_path / "run"
    assert command("eval", "vqa", listed, "--videos", folder, "-o", run) == 1
    told, errors = capsys.readouterr()
    assert "accuracy: none over 0 answered, 0.0 too few videos over all 2 rows" in told
    assert (
        "2 without an answer, asked, and no answer came, such as line 1, row 1: the server hung up"
        in errors
    )
    results = json.loads((run / "results.json").read_text())
    assert results["over_answered"] == {"accuracy": None}
    assert results["over_all_rows"]["accuracy"] == {
        "mean": 0.0,
        "low": None,
        "high": None,
        "videos": 1,
    }
    assert results["without_a_model"] is None
    page = (run / "report.html").read_text()
    assert "No question was answered." in page
    assert [h.partition("<")[0] for h in page.split("<h2>")[1:]] == ["What became of the rows"]


def test_mistakes_are_told_before_a_model_is_loaded(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All of them, with exit code 2; counted instead where that is asked for."""
    shop = Shop(monkeypatch, truthful())
    listed = write_list(tmp_path / "q.jsonl", [ROWS[0], {"video": "0000.mp4"}, 3])
    words = ["eval", "vqa", listed, "--videos", folder, "-o", tmp_path / "run"]
    assert command(*words) == 2
    told = capsys.readouterr().err
    assert [f"q.jsonl line {n}" in told for n in (1, 2, 3)] == [False, True, True]
    assert shop.sold == 0
    assert not (tmp_path / "run").exists()
    assert command(*words, "--count-malformed") == 0
    assert json.loads((tmp_path / "run" / "results.json").read_text())["counts"]["malformed"] == 2


def test_a_span_outside_of_its_video_is_a_mistake_in_the_list(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Told with its line before a model is loaded, or counted; what reaches beyond the end is asked."""
    shop = Shop(monkeypatch, Says(lambda *_: "0-3"))
    rows = [
        {**SPANS[0], "answer": [1, 9]},  # the videos last three seconds
        {**SPANS[1], "answer": [[0, 1], [500, 600]]},
        {**SPANS[1], "video": "gone.mp4", "answer": [500, 600]},
    ]
    listed = write_list(tmp_path / "q.jsonl", rows)
    words = [listed, "--videos", folder, "--workers", 1, "-q", "-o"]
    scored = [["eval", "grounding"], ["diagnose", "--scorer", "iou"]]
    for number, kind in enumerate(scored):
        assert command(*kind, *words, tmp_path / f"run{number}") == 2
        told = capsys.readouterr().err
        assert "line 2, row 2: answer 500-600 lies outside of the video, which lasts 3.0 s" in told
        assert "line 1" not in told
    assert shop.sold == 0
    counting = [*scored[0], *words, tmp_path / "run0", "--count-malformed"]
    assert command(*counting) == 1  # of one the video is missing
    found = json.loads((tmp_path / "run0" / "results.json").read_text())
    assert [row["state"] for row in found["rows"]] == ["graded", "malformed", "missing"]
    page = (tmp_path / "run0" / "report.html").read_text()
    assert "the row is malformed: 1" in page
    assert "over 1 question that was answered" in page


def test_what_a_kill_at_the_start_leaves_is_no_hindrance(tmp_path: Path) -> None:
    """Settings that were half written, and nothing else; what is not ours still is."""
    (tmp_path / ".settings.json.0.unfinished").write_text("{")
    claim(tmp_path, {"kind": "vqa"})
    assert json.loads((tmp_path / "settings.json").read_text()) == {"kind": "vqa"}
    (tmp_path / "settings.json").rename(tmp_path / "mine.json")
    with pytest.raises(ConfigError, match="is no run"):
        claim(tmp_path, {"kind": "vqa"})


def answer_once(run: Path) -> None:
    """Leave an answer in a folder, as a run does."""
    AnswerCache(run / "answers.jsonl").add("a key", (Answer("B"),))


def test_a_run_without_an_answer_makes_room(tmp_path: Path) -> None:
    """A typo in what nothing has come of yet costs no folder; the first answer makes it one run's own."""
    run = tmp_path / "run"
    claim(run, {"kind": "vqa", "videos": "clipz"})
    AnswerCache(run / "answers.jsonl")  # a server that could not be reached leaves as much
    claim(run, {"kind": "vqa", "videos": "clips"})
    assert json.loads((run / "settings.json").read_text())["videos"] == "clips"
    answer_once(run)
    with pytest.raises(ConfigError, match="--videos is clips in the folder, clipz here"):
        claim(run, {"kind": "vqa", "videos": "clipz"})


def test_a_run_that_ended_without_an_answer_is_kept(tmp_path: Path) -> None:
    """Its results are there to be read."""
    claim(tmp_path / "run", {"kind": "vqa", "seed": 0})
    (tmp_path / "run" / "results.json").write_text("{}")
    with pytest.raises(ConfigError, match="--seed is 0 in the folder, 1 here"):
        claim(tmp_path / "run", {"kind": "vqa", "seed": 1})


def test_what_differs_from_the_run_in_a_folder_is_named_by_its_options(tmp_path: Path) -> None:
    """Only what differs, a line each, without what follows from another; then what to do."""
    run = tmp_path / "run"
    theirs = {"kind": "vqa", "questions": "0f", "revision": None, "video": CONFIG.model_dump()}
    claim(run, theirs)
    answer_once(run)
    claim(run, {name: value for name, value in theirs.items() if value is not None})
    video = CONFIG.model_copy(update={"max_pixels": 1024, "min_pixels": 1, "fps": 1.0})
    ours = {**theirs, "questions": "1e", "revision": "main", "video": video.model_dump()}
    with pytest.raises(ConfigError) as refused:
        claim(run, ours)
    assert str(refused.value).splitlines() == [
        f"{run}: the questions are others: it is another list, or the list has changed since",
        f"{run}: --revision is not given in the folder, main here",
        f"{run}: --max-pixels is 4096 in the folder, 1024 here",
        f"{run}: --fps is 2.0 in the folder, 1.0 here",
        f"{run} holds a run with other settings; give another folder by -o, or remove this one",
    ]
    with pytest.raises(
        ConfigError, match=r"holds a run of `videossr eval vqa`; this is `videossr d"
    ):
        claim(run, {"kind": "diagnose"})


@pytest.mark.parametrize("kind", ["eval vqa", "diagnose"])
def test_a_model_that_is_not_there_is_told_first(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Before a video is looked at, by what is wrong with it, and no folder is begun."""
    listed = write_list(tmp_path / "q.jsonl", ROWS)
    words = [*kind.split(), listed, "--videos", folder, "-o", tmp_path / "run"]
    scorer = ["--scorer", "choice"] if kind == "diagnose" else []
    assert command(*words, *scorer, model=tmp_path / "gone") == 2
    assert f"--model {tmp_path}/gone: no such folder; give" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_another_run_is_not_written_into(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same command goes on there; one with other settings says which, and leaves it alone."""
    shop = Shop(monkeypatch, truthful())
    listed = write_list(tmp_path / "q.jsonl", SPANS)
    words = ["eval", "grounding", listed, "--videos", folder, "-o", tmp_path / "run"]
    assert command(*words, "-q") == 0
    told, errors = capsys.readouterr()
    assert told == errors == ""
    before = (tmp_path / "run" / "rows.csv").read_bytes()
    assert command(*words) == 0
    assert (tmp_path / "run" / "rows.csv").read_bytes() == before
    assert command(*words, "--max-new-tokens", "5") == 2
    assert "--max-new-tokens is 64 in the folder, 5 here" in capsys.readouterr().err
    assert shop.sold == 2


@pytest.mark.parametrize(
    ("option", "value"), [("--num-frames", "5"), ("--fps", "0"), ("--max-pixels", "10")]
)
def test_frames_that_no_dataset_could_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    """Are refused by the same rules, naming the option."""
    listed = write_list(tmp_path / "q.jsonl", SPANS)
    assert command("eval", "grounding", listed, "-o", tmp_path / "run", option, value) == 2
    assert option.removeprefix("--").replace("-", "_") in capsys.readouterr().err.replace("-", "_")


def test_what_the_cache_knew_is_neither_fast_nor_paid(folder: Path, tmp_path: Path) -> None:
    """Rates and cost are those of what was asked; the tokens of all answers stand beside them."""
    listed = read_list(write_list(tmp_path / "q.jsonl", ROWS[:3]), "choice")
    videos = Videos(
        look_at(["0000.mp4", "0000", "0001.mp4"], folder, tmp_path / "v"), folder, CONFIG
    )
    rows = askable(listed, videos)
    model = Cached(truthful(), AnswerCache(tmp_path / "answers.jsonl"))
    for keys in (["1"], [*rows]):
        found = ask(
            keys, lambda key: sample_of(rows[key], videos), lambda *_: None, model, Decoding()
        )
    assert found is not None
    how = How({}, "fake", found.usage, Prices(1e5, 0.0))
    assert (found.usage.questions, found.usage.known.answers) == (2, 1)
    assert (how.tree["spent"]["cost"], how.tree["session"]["cost"]) == (3.0, 2.0)
    assert how.facts["answers in all"].startswith("3 answers")
    assert "1 more answers were in the cache" in how.facts["asked in the last session"]


def test_answers_are_asked_in_the_order_of_videos(folder: Path, tmp_path: Path) -> None:
    """So that a video is decoded once, and read once by a model that shares it."""
    model = Says(lambda *_: "A")
    outcomes(folder, tmp_path, model, [ROWS[0], ROWS[2], {**ROWS[0], "question": "Else?"}])

    def first_pixels(asked: Asked) -> int:
        return int(asked.sample.clips[0].frames.sum())

    sums = [first_pixels(asked) for asked in model.asked]
    assert sums[0] == sums[1] != sums[2]
