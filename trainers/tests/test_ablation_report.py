"""The report of ablations: what is read, which runs are compared, the figures, and how they are told."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from videossr import ConfigError, DatasetError
from videossr.benchmark import Question
from videossr.intervals import Interval
from videossr_trainers.ablations.curves import band
from videossr_trainers.ablations.findings import Range, findings_of
from videossr_trainers.ablations.report import Report
from videossr_trainers.ablations.results import Exam, Result, Results, read_results

if TYPE_CHECKING:
    from collections.abc import Mapping

# Figures

EXAM = Exam(
    "d1", "{}", ("a", "b", "c", "d"), ("one", "two"), (0, 0, 1, 1), (0, 1, 0, 1), (0.2, 0.4)
)


CONFIG: dict[str, Any] = {
    "seed": 0,
    "grpo": {"questions_per_step": 8, "max_steps": 150},
    "tasks": {"one": {}, "two": {}, "trained_alone": {}},
}


def result(
    name: str,
    seed: int,
    after: float,
    against: str = "",
    *,
    exam: Exam = EXAM,
    steps: int = 150,
    seen: int | None = 150,
    **facts: object,
) -> Result:
    """A run that earned 0.1 on every question before, and so much after; a tenth of it blind.

    Args:
        name, seed, after, against, exam: of the result.
        steps: of the run.
        seen: those of the one that it is compared with, as the run saw it; None where it did not note it.
        facts: what else `run.json` says.
    """
    flat = np.full(len(exam.keys), after)
    shown = {"sighted": flat, "blind": flat / 10, "wrong_video": flat / 2}
    lines = [
        {
            "step": step,
            "num_tokens": 100.0 * step,
            "step_time": 2.0,
            "normalised/one": after * step,
            "normalised/trained_alone": 0.5,
            "zero_variance/one": 0.25 * (seed + 1),
            "zero_variance/two": 0.0,
        }
        for step in (1, 2)
    ]
    return Result(
        name,
        seed,
        against,
        configured(seen) if against and seen else None,
        {
            "config": configured(steps) | {"seed": seed},
            "plugins": {"jigsaw": version_of("1")},
            "versions": {"torch": "2"},
            "scale": "tiny",
            "seconds": {"training": 90.0, "exam after": 30.0},
            **facts,
        },
        exam,
        {condition: np.full(len(exam.keys), 0.1) for condition in shown},
        shown,
        lines,
        ("c1",),
    )


def configured(steps: int) -> dict[str, Any]:
    """The configuration of a run with so many steps."""
    return {**CONFIG, "grpo": {**CONFIG["grpo"], "max_steps": steps}}


def version_of(own: str) -> dict[str, str]:
    """The provenance of a plugin."""
    return {"distribution": "toys", "version": "1", "plugin_version": own}


def test_findings_are_those_worked_out_by_hand() -> None:
    """Base earns 0.3 and 0.5; strict 0.2 on seed 0 alone, which is compared with seed 0 of the base."""
    results = {
        "strict": [result("strict", 0, 0.2, "base")],
        "base": [result("base", 0, 0.3), result("base", 1, 0.5)],
    }
    base, strict = findings_of(results)
    assert ("base", "strict", "base") == (
        base.series.label,
        strict.series.label,
        strict.pairing.against,
    )
    figures = {name: by_task["mean"] for name, by_task in base.figures.items()}
    means = {name: round(found.mean, 9) for name, found in figures.items() if found}
    assert {
        "before": 0.1,
        "after": 0.4,
        "gain": 0.3,
        "over_blind": 0.36,
        "over_wrong_video": 0.2,
    } == means
    assert Interval(0.4, 0.3, 0.5, 2) == figures["after"]
    # Of the first task 0.25 and 0.5, of the second none.
    assert Range(0.375, 0.25, 0.5, 2) == base.zero_variance["one"]
    assert Range(0.1875, 0.125, 0.25, 2) == base.zero_variance["mean"]
    difference = strict.figures["difference"]["one"]
    assert difference
    assert pytest.approx(-0.1) == difference.mean
    assert {"steps": 2, "questions": 16, "tokens": 200, "seconds": 4, "minutes": 2} == asdict(
        base.cost
    )
    assert [[(1, 0.2), (2, 0.4)]] == strict.curves["one"]
    assert "two" not in strict.curves


def test_a_task_without_an_answer_has_no_figure() -> None:
    """Nor has the mean of the tasks, which would be that of other tasks."""
    run = result("base", 0, 0.3)
    for values in run.after.values():
        values[2:] = np.nan
    ((one,),) = (findings_of({"base": [run]}),)
    assert one.figures["after"]["one"]
    assert (None, None) == (one.figures["after"]["two"], one.figures["after"]["mean"])


def test_a_curve_is_the_mean_over_seeds_with_their_range() -> None:
    """By hand, with a step that one of two seeds has: too few steps to be smoothed."""
    found = band([[(1, 0.0), (2, 0.5), (3, 1.0)], [(1, 1.0), (2, 0.5)]])
    assert ([1, 2, 3], [0.5, 0.5, 1.0]) == (found.steps, found.mean)
    assert ([0.0, 0.5, 1.0], [1.0, 0.5, 1.0]) == (found.low, found.high)


# Which runs are compared


def notes_on(monkeypatch: pytest.MonkeyPatch, *runs: Result, **others: list[str]) -> Report:
    """The report of some runs."""
    done: dict[str, list[Result]] = {}
    for run in runs:
        done.setdefault(run.name, []).append(run)
    found = Results(done, **others)
    monkeypatch.setattr("videossr_trainers.ablations.report.read_results", lambda _: found)
    return Report(Path("tiny"))


def paired(report: Report) -> dict[str, list[int]]:
    """The seeds of each series that are compared."""
    return {one.series.label: [run.seed for run, _ in one.pairing.pairs] for one in report.findings}


OTHER = replace(EXAM, digest="d2", keys=("a", "b"), task=(0, 1), video=(0, 1))


def test_seeds_that_answered_other_questions_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second seed was run after videos had been added: neither averaged with the first, nor compared."""
    report = notes_on(
        monkeypatch,
        result("base", 0, 0.3),
        result("base", 1, 0.5, exam=OTHER),
        result("n4", 0, 0.2, "base"),
        result("n4", 1, 0.2, "base"),
    )
    assert {"base [1]": [], "n4": [0], "base [2]": []} == paired(report)
    after = [one.figures["after"]["mean"] for one in report.findings]
    assert [0.3, 0.2, 0.5] == [round(one.mean, 9) for one in after if one]
    for said in (
        "and the decoding: d1, {}: base [1], n4; d2, {}: base [2].",
        "base [1] is of seed 0; base [2] is of seed 1, with other questions.",
        "n4 is compared with base [1] on seed 0 alone. Seed 1: base answered other questions, or with",
        "Compared on one seed alone, so that the interval of the difference is over videos only: n4.",
    ):
        assert said in "\n".join(report.notes)
    facts = report.tree()["facts"]
    assert "4 about 2 videos, digest d1; 2 about 2 videos, digest d2" == facts["held-out questions"]


def test_seeds_of_other_settings_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings laid over one seed alone, and a base that had not got them: no difference is made of that."""
    report = notes_on(
        monkeypatch,
        result("base", 0, 0.3),
        result("base", 1, 0.5),
        result("n4", 0, 0.2, "base"),
        result("n4", 1, 0.6, "base", steps=300, seen=300),
    )
    assert {"base": [], "n4 [1]": [0], "n4 [2]": []} == paired(report)
    assert "difference" not in report.findings[2].figures
    notes = "\n".join(report.notes)
    assert "n4 [2] is of seed 1, with grpo.max_steps 300, not 150." in notes
    assert (
        "n4 [2] is to be compared with base, and is not. Seed 1: base was run with other settings: "
        "grpo.max_steps 150, not 300."
    ) in notes


def test_a_setting_that_an_older_version_did_not_know_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But a task that only one of them has is; and what leaves a result as it is, is not."""
    older, newer = result("base", 0, 0.3), result("base", 1, 0.5)
    newer.facts["config"]["grpo"]["new"] = 1
    for run, value in ((older, 1), (newer, 2)):
        run.facts["config"]["store"] = {"path": f"/{value}"}
        run.facts["config"]["grpo"] |= {"save_steps": value, "loader_workers": value}
    assert {"base": []} == paired(notes_on(monkeypatch, older, newer))
    newer.facts["config"]["tasks"] = {"one": {}}
    assert {"base [1]": [], "base [2]": []} == paired(notes_on(monkeypatch, older, newer))


def test_runs_that_did_not_note_their_counterpart_are_compared_with_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of an older version, which kept its name alone."""
    report = notes_on(monkeypatch, result("base", 0, 0.3), result("n4", 0, 0.2, "base", seen=None))
    assert {"base": [], "n4": [0]} == paired(report)
    assert "n4 was run by a version that did not note the settings of base" in report.notes[-1]


def test_an_ablation_that_is_compared_with_none_may_have_questions_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which is said, since it stands below the others."""
    report = notes_on(monkeypatch, result("base", 0, 0.3), result("mine", 0, 0.2, exam=OTHER))
    assert "Not all answered the same questions" in "\n".join(report.notes)


def test_curves_of_a_task_compare_under_the_same_modifiers_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those around other tasks of one run, or around tasks that another has not, don't matter."""
    one = {"tasks": ["one"], "amount": 1}
    both = result("base", 0, 0.3)
    both.facts["config"]["modifiers"] = {"drift": one}
    alone = result("alone", 0, 0.2)
    alone.facts["config"]["tasks"] = {"two": {}}
    notes = notes_on(monkeypatch, both, alone).notes
    assert "same modifiers" not in "\n".join(notes)
    alone.facts["config"]["modifiers"] = {"drift": {**one, "tasks": ["two"]}}
    notes = notes_on(monkeypatch, both, alone).notes
    (told,) = (note for note in notes if "same modifiers" in note)
    assert told.startswith("Learning curves and zero variance of two are")
    assert told.endswith(" Under drift: alone; under none: base.")


# How it is told


def test_the_report_says_what_its_figures_rest_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One seed, a counterpart that is not there, other code, other rewards, runs that are not done."""
    newer = result("<b>", 0, 0.2, "named", plugins={"jigsaw": version_of("2")}, launcher="torchrun")
    newer.facts["config"]["modifiers"] = {"strict_reward": {}}
    report = notes_on(
        monkeypatch,
        result("base", 0, 0.3, launcher=""),
        result("base", 1, 0.5, launcher=""),
        replace(newer, commits=("c1", "c2-dirty")),
        unfinished=["n4, seed 1"],
        unreadable=["runs/n8/seed-0: damaged"],
    )
    (tmp_path / "mine.md").write_text("mine")
    with pytest.raises(ConfigError, match=r"mine\.md: exists already, and is no report"):
        report.write(tmp_path / "mine.html")
    for _ in range(2):
        written = report.write(tmp_path / "report.html")
    page, markdown, tree, table = (path.read_text() for path in written)
    notes = "\n".join(report.notes)
    for said in (
        "One seed alone, so that the interval is over videos only: <b>.",
        "<b> is to be compared with named, and is not. Seed 0: named has no such run here.",
        "only under the same modifiers. Under none: base; under strict_reward: <b>.",
        "The plugin jigsaw was of several versions in these runs: 1, 2.",
        "Runs and what they share were made at several commits: c1, c2-dirty.",
        "With changes that no commit has: c2-dirty.",
        "of other number: no launcher, torchrun.",
        "Not done: n4, seed 1.",
        "Left out, since it cannot be read: runs/n8/seed-0: damaged",
    ):
        assert said in notes
    assert "<b>" not in page
    assert "&lt;b&gt;, trained under strict_reward" in page
    assert "<svg" in page
    assert "40.0 [30.0, 50.0]" in page
    assert "| base | 0, 1 | 10.0 [10.0, 10.0] | 40.0 [30.0, 50.0] | +30.0 [+20.0, +40.0] |" in (
        markdown
    )
    assert "| \\<b\\> | one | 20.0 (step 1) | 20.0 (step 1) | 40.0 (step 2) |" in markdown
    (base,) = [one for one in json.loads(tree)["ablations"] if one["name"] == "base"]
    assert pytest.approx(0.4) == base["figures"]["after"]["mean"]["mean"]
    assert "c1, c2-dirty" == json.loads(tree)["facts"]["commits"]
    assert '"base","",2,"mean","after",0.4,0.3,0.5' in table.replace("0.30000000000000004", "0.3")


def test_the_terminal_says_against_whom_and_what_it_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a browser."""
    text = notes_on(monkeypatch, result("base", 0, 0.3), result("n4", 0, 0.2, "base")).text()
    assert "n4 (against base)" in text
    assert ["n4", "one", "20.0", "(step", "1)"] in [line.split()[:5] for line in text.splitlines()]
    (cost,) = [line for line in text.splitlines() if line.split()[:2] == ["n4", "0"]]
    assert ["n4", "0", "2", "16", "200", "4", "2"] == cost.split()


# What is read


def exam_at(folder: Path, value: float, tokens: int = 8) -> None:
    """A run of a benchmark with one question, whose answer is worth so much; its floor is 0."""
    folder.mkdir(parents=True)
    asked = Question("q", "one", "v.mp4", "aa", 0.5, "When?", "1", {}, [0.0], (8, 8), True)
    facts = {"format": 2, "state": "done", "benchmark": "d1", "floors": {"one": 0.0}}
    facts |= {"decoding": {"max_new_tokens": tokens}}
    facts |= {"conditions": ["sighted", "blind", "wrong_video"]}
    answers = [
        {"condition": condition, "key": "q", "subtask": "one", "video": "aa", "value": value}
        for condition in facts["conditions"]
    ]
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "questions.jsonl").write_text(json.dumps(asked.tree()) + "\n")
    (folder / "answers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in answers))
    (folder / "baselines.jsonl").write_text("")


def run_at(folder: Path, name: str, seed: int = 0, **facts: object) -> Path:
    """A run that is done, in a folder of runs; its file."""
    place = folder / "runs" / name / f"seed-{seed}"
    exam_at(place / "before", 0.25)
    exam_at(place / "exam", 0.75)
    own = f"runs/{name}/seed-{seed}"
    places = {"before": f"{own}/before", "after": f"{own}/exam", "training": f"{own}/train"}
    places |= {"train_set": "datasets/d", "benchmark": "benchmarks/b"}
    told: Mapping[str, object] = {
        "format": 1,
        "state": "done",
        "name": name,
        "seed": seed,
        "against": None,
        "plugins": {},
        "versions": {},
        "places": places,
        "config": CONFIG,
        "seconds": {},
        **facts,
    }
    (place / "run.json").write_text(json.dumps(told))
    return place / "run.json"


def test_what_a_run_has_noted_is_read(tmp_path: Path) -> None:
    """Its counterpart's settings, and the commits of its stages; of an older run a name alone."""
    run_at(tmp_path, "n4", against={"name": "base", "config": CONFIG}, commit="c2")
    run_at(tmp_path, "n8", against="base")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "d.json").write_text('{"commit": "c1-dirty"}')
    ((newer,), (older,)) = read_results(tmp_path).done.values()
    assert ("base", CONFIG, ("c1-dirty", "c2")) == (
        newer.against,
        newer.against_config,
        newer.commits,
    )
    assert ("base", None, ("c1-dirty", "unknown")) == (
        older.against,
        older.against_config,
        older.commits,
    )
    assert [[0.25], [0.75]] == [one["sighted"].tolist() for one in (newer.before, newer.after)]


def test_the_commits_of_all_attempts_are_read(tmp_path: Path) -> None:
    """Of the run, of its stages, and those that a training went on with."""
    attempts = {"attempts": [{"commit": "c1"}, {"commit": "c2"}]}
    place = run_at(tmp_path, "base", commit="c2", **attempts).parent
    for path, facts in {
        "logs/training.json": {"commit": "c4", "attempts": [{"commit": "c3"}, {"commit": "c4"}]},
        "train/provenance.json": {"commit": "c0", "attempts": [{"commit": "c5", "step": 3}]},
    }.items():
        (place / path).parent.mkdir()
        (place / path).write_text(json.dumps(facts))
    ((run,),) = read_results(tmp_path).done.values()
    assert ("c0", "c1", "c2", "c3", "c4", "c5") == run.commits


def test_a_damaged_run_is_named_and_the_others_are_reported(tmp_path: Path) -> None:
    """Whatever of it is damaged: its file, its exam, its metrics."""
    run_at(tmp_path, "base")
    run_at(tmp_path, "n4", state="running")
    run_at(tmp_path, "broken").write_text('{"format": 1, "st')
    run_at(tmp_path, "empty").write_text('{"format": 1, "state": "done"}')
    run_at(tmp_path, "list").write_text("[]")
    run_at(tmp_path, "next", format=99)
    (run_at(tmp_path, "gone").parent / "exam" / "run.json").unlink()
    metrics = run_at(tmp_path, "short").parent / "train" / "metrics.jsonl"
    metrics.parent.mkdir()
    metrics.write_text('{"stage": "grpo", "step": 1}\n')
    shutil.rmtree(run_at(tmp_path, "longer").parent / "exam")
    exam_at(tmp_path / "runs" / "longer" / "seed-0" / "exam", 0.5, tokens=64)
    found = read_results(tmp_path)
    assert (["base"], ["n4, seed 0"]) == ([*found.done], found.unfinished)
    for name, said in {
        "broken": "damaged run: JSONDecodeError",
        "empty": "damaged: has no name, seed, against",
        "list": "damaged run: AttributeError",
        "next": "of another format; this version of videossr reads 1",
        "gone": "no run, run.json is missing",
        "longer": "seed-0/exam, or other decoding",
        "short": "damaged metrics: a step has no num_tokens, step_time",
    }.items():
        (one,) = [line for line in found.unreadable if f"/{name}/" in line]
        assert said in one
    assert 7 == len(found.unreadable)


def test_without_a_run_it_is_said_where_there_are_some(tmp_path: Path) -> None:
    """The folder of all scales is not that of one; and where none can be read, why is told."""
    run_at(tmp_path / "tiny", "base")
    run_at(tmp_path / "paper", "base").write_text("{")
    with pytest.raises(DatasetError, match=rf"give one of {tmp_path}/paper, {tmp_path}/tiny"):
        read_results(tmp_path)
    with pytest.raises(DatasetError, match=r"no run is done.*\n.*seed-0: damaged run"):
        read_results(tmp_path / "paper")
