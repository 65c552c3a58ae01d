"""Runs of ablations: what they share, how they are stopped, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ablation_plans import ROW, VIDEOS, named, planned, variant

from videossr import ConfigError, DatasetError
from videossr.cli import main
from videossr.video_table import VideoRow, write_table
from videossr_trainers.ablations import running
from videossr_trainers.ablations.differences import differences
from videossr_trainers.ablations.presets import find_ablations
from videossr_trainers.ablations.stages import Stage, plan
from videossr_trainers.ablations.variants import Variants
from videossr_trainers.ablations.videos import Videos, table_of
from videossr_trainers.training import source
from videossr_trainers.training.provenance import other_settings

# What runs share


def test_all_are_examined_alike(tmp_path: Path) -> None:
    """By the counterpart's length of an answer; another length is another exam."""
    (tmp_path / "short.yaml").write_text(
        "ablation: {against: base}\ngrpo: {max_completion_length: 3}"
    )
    short = Variants(find_ablations([tmp_path]), "tiny").variant("short")
    base = planned("base")
    found = plan(short, 0, VIDEOS, Path("/runs"))
    assert base.before == found.before
    exams = ("exam before", "exam after")
    lengths = {
        _after(named(one)[exam], "--max-new-tokens") for one in (base, found) for exam in exams
    }
    assert 1 == len(lengths)
    assert {"3"} != lengths
    assert base.before != planned("base", "grpo.max_completion_length=3").before


def _after(stage: Stage, option: str) -> str:
    return stage.words[stage.words.index(option) + 1]


def test_the_exam_is_under_the_reward_of_the_base() -> None:
    """Where the base's is strict, so is the exam's; the questions that are trained on stay the same."""
    strict = planned("base", "modifiers.strict_reward.enabled=true")
    assert "strict_reward" in named(strict)["held-out questions"].tree["modifiers"]
    assert "modifiers" not in (named(strict)["training set"].tree or {})
    assert planned("base").benchmark != strict.benchmark
    assert planned("base").train_set == strict.train_set


def test_what_is_for_training_alone_is_not_in_the_exam() -> None:
    """A modifier of the scale that the section names; one that is not there is a mistake."""
    both = ("modifiers.augment.enabled=true", "modifiers.strict_reward.enabled=true")
    asked = planned("base", *both, "ablation.exam_without=[augment]")
    assert {"strict_reward"} == {*named(asked)["held-out questions"].tree["modifiers"]}
    assert {"augment", "strict_reward"} == {*named(asked)["training"].tree["modifiers"]}
    alone = planned("base", both[0], "ablation.exam_without=[augment]")
    assert "modifiers" not in named(alone)["held-out questions"].tree
    with pytest.raises(ConfigError, match=r"exam_without: 'augmnt' is no modifier.*are augment"):
        planned("base", both[0], "ablation.exam_without=[augmnt]")


def test_a_start_depends_on_how_many_processes_make_it(tmp_path: Path) -> None:
    """And on nothing that leaves the model as it is."""
    base = planned("base").before
    for free in ("grpo.loader_workers=3", "grpo.preflight=false", "warm_start.save_steps=7"):
        assert base == planned("base", free).before
    launcher = ("accelerate", "launch", "--config_file", str(tmp_path / "two.yaml"))
    Path(launcher[-1]).write_text("num_processes: 2")
    two = planned("base", launcher=launcher).before
    Path(launcher[-1]).write_text("num_processes: 8")
    assert 3 == len({base, two, planned("base", launcher=launcher).before})
    assert planned("base").benchmark == planned("base", launcher=launcher).benchmark


def test_the_start_is_checked_as_the_training_is() -> None:
    """All that is said of GRPO is passed on, but for its steps."""
    (start, training) = (
        named(planned("base", "grpo.preflight=false", "grpo.max_prompt_length=99"))[name].tree or {}
        for name in ("warm start", "training")
    )
    assert {**training["grpo"], "max_steps": 0} == start["grpo"]
    assert (False, 99) == (start["grpo"]["preflight"], start["grpo"]["max_prompt_length"])


# A warm start on questions of its own


def begun(folder: Path, scale: str = "", **ablations: str) -> Variants:
    """Ablations over a scale without a warm start, which begin with that of a file beside it."""
    folder.mkdir(exist_ok=True)
    first = "extends: tiny\nwarm_start: {steps: 40}\nbuild: {size: 77}\nmodifiers: {fade: {}}"
    (folder / "first.yaml").write_text(first)
    (folder / "weak.yaml").write_text(first.replace("40", "4"))
    over = "extends: tiny\nwarm_start: {steps: 0}\nablation: {start: first.yaml}\n"
    (folder / "scale.yaml").write_text(over + scale)
    own = folder / "own"
    own.mkdir(exist_ok=True)
    for name, text in ablations.items():
        (own / f"{name}.yaml").write_text(text)
    return Variants(find_ablations([own]), str(folder / "scale.yaml"))


def test_runs_may_begin_with_a_start_on_questions_of_its_own(tmp_path: Path) -> None:
    """All with the same one, whatever they are trained on then; its videos are those of the training."""
    found = begun(tmp_path)
    base, only = (
        plan(found.variant(name), 3, VIDEOS, Path("/runs")) for name in ("base", "only_jigsaw")
    )
    stages = named(base)
    assert [
        "training set",
        "questions to start with",
        "held-out questions",
        "warm start",
        "exam before",
        "training",
        "exam after",
    ] == [*stages]
    questions, start, training = (
        stages[name].tree or {} for name in ("questions to start with", "warm start", "training")
    )
    assert (77, "train", 3) == (
        questions["build"]["size"],
        questions["build"]["part"],
        questions["seed"],
    )
    assert (40, 0, 3) == (start["warm_start"]["steps"], start["grpo"]["max_steps"], start["seed"])
    assert str(stages["questions to start with"].place) in stages["warm start"].words
    assert str(stages["warm start"].place.absolute()) == training["model"]["name"]
    assert base.before == only.before
    assert base.train_set != only.train_set
    assert (base.train_set, stages["questions to start with"].place) == base.learnt_from


def test_another_start_is_another_run(tmp_path: Path) -> None:
    """An ablation that has nothing but that is none of the base, and a folder of one is not gone on with."""
    found = begun(tmp_path, weak="ablation: {start: ../weak.yaml, against: base}")
    base, weak = (found.variant(name) for name in ("base", "weak"))
    assert ("base", "") == (weak.against, weak.same_as)
    plans = [plan(one, 0, VIDEOS, Path("/runs")) for one in (base, weak)]
    assert plans[0].before != plans[1].before
    assert plans[0].train_set == plans[1].train_set
    facts = [
        running._facts(one, 0, "scale", VIDEOS, planned, Path("/runs"), ())
        for one, planned in zip((base, weak), plans, strict=True)
    ]
    assert apart(*facts) == ["start.warm_start.steps"]
    assert facts[1]["against"]["config"]["start"] == facts[0]["config"]["start"]
    assert "fade" in facts[0]["plugins"]  # so that a run does not go on with another version of it
    without = replace(base, start=None)
    unlike = running._facts(without, 0, "scale", VIDEOS, plans[0], Path("/runs"), ())
    assert apart(facts[0], unlike)


def test_one_start_at_a_time(tmp_path: Path) -> None:
    """A warm start of the run's own besides, one that is none, and a file that is not there are refused."""
    found = begun(
        tmp_path,
        both="warm_start: {steps: 5}",
        none="ablation: {start: ../scale.yaml}",
        gone="ablation: {start: nowhere.yaml}",
    )
    for name, problem in {
        "both": "given together with ablation.start",
        "none": "scale.yaml: warm_start.steps: has no warm start",
        "gone": "nowhere.yaml",
    }.items():
        with pytest.raises(ConfigError, match=problem):
            found.variant(name)


# The videos


def test_what_was_scanned_again_is_the_same_and_what_is_elsewhere_too(tmp_path: Path) -> None:
    """Other times of the same files are nothing new; stages look for them where they lie now."""

    def read(name: str, root: str, *rows: VideoRow) -> Videos:
        write_table(rows, tmp_path / name, root)
        return Videos.read(tmp_path / name)

    first = read("a", "/here", ROW)
    touched = read("b", "/there", replace(ROW, modified=2, checked="ends"))
    assert first.content == touched.content
    assert first.content != read("c", "/here", replace(ROW, hash="1" * 32)).content
    assert first.content != read("d", "/here", replace(ROW, frames=8)).content
    quarantined = replace(ROW, path="b.mp4", state="quarantined", hash="")
    assert first.content == read("e", "/here", ROW, quarantined).content
    stages = named(plan(variant("base"), 0, touched, Path("/runs")))
    for name in ("warm start", "exam before", "training", "exam after"):
        assert "/there" == _after(stages[name], "--root")


def test_a_table_that_was_given_earlier_stays_as_it_is(tmp_path: Path) -> None:
    """Other videos have another file, and the same ones the same."""
    tables = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for table, root in zip(tables, ("/a", "/b"), strict=True):
        write_table([ROW], table, root)
    first = table_of(tables[0], tmp_path / "out", lambda _: None)
    before = first.read_bytes()
    second = table_of(tables[1], tmp_path / "out", lambda _: None)
    assert first != second
    assert before == first.read_bytes()
    assert first == table_of(tables[0], tmp_path / "out", lambda _: None)


# What is refused


def facts(name: str = "base", *overrides: str, launcher: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a run says of itself, as its file has it."""
    one = variant(name, *overrides)
    run = running._Run.of(one, 0, VIDEOS, Path("/runs"), "tiny", launcher)
    return dict(run.facts)


def apart(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The places that differ."""
    return [one.where for one in differences(saved, now, follows_rewards=False)]


def test_what_differs_is_told_under_its_own_name() -> None:
    """What leaves the result as it is may change; the number of held-out questions is no other table."""
    saved = facts()
    for free in ("grpo.save_steps=10", "grpo.preflight=false", "grpo.report_to=[tensorboard]"):
        assert [] == apart(saved, facts("base", free))
    assert ["grpo.beta"] == apart(saved, facts("base", "grpo.beta=0.5"))
    assert ["grpo.max_steps"] == apart(saved, facts("base", "grpo.max_steps=9"))
    assert ["ablation.questions"] == apart(saved, facts("base", "ablation.questions=30"))
    assert ["videos"] == apart(saved, {**saved, "videos": "4567"})
    assert ["--launcher"] == apart(saved, facts(launcher=("torchrun",)))
    assert ["format"] == apart({**saved, "format": 1}, saved)
    newer = {**saved, "config": saved["config"] | {"grpo": saved["config"]["grpo"] | {"new": 1}}}
    assert [] == apart(saved, newer)
    other = {"distribution": "toys", "version": "1", "plugin_version": "99"}
    (mistake,) = differences(
        saved, {**saved, "plugins": saved["plugins"] | {"jigsaw": other}}, follows_rewards=False
    )
    assert "plugin jigsaw: version '99' of toys 1 here, version " in str(mistake)


def test_an_adapter_in_the_place_of_none_is_a_difference() -> None:
    """Though the settings of neither have a counterpart."""
    trees: list[dict[str, Any]] = [{"model": {"lora": None}}, {"model": {"lora": {"rank": 8}}}]
    for then, now in (trees, trees[::-1]):
        found = other_settings(then, now, follows_rewards=False)
        assert "model.lora.rank" in [one.where for one in found]


def test_every_refusal_is_told_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the run's name; a record that is damaged is named too."""
    monkeypatch.setattr(Videos, "read", lambda _: VIDEOS)
    monkeypatch.setattr(running, "refuse_overlap", lambda *_: None)
    worked: list[str] = []
    monkeypatch.setattr(running, "complete", lambda stage, *_: worked.append(stage.name))

    def run(*overrides: str) -> None:
        some = [variant("n4", *overrides), variant("base", *overrides)]
        assert [] == running.run_all(
            some[-len(overrides) - 1 :], [0], VIDEOS.table, tmp_path, scale=""
        )

    run()
    worked.clear()
    with pytest.raises(ConfigError) as caught:
        run("grpo.beta=0.5")
    assert [("base, seed 0: grpo.beta", "0.5 here, 0.0 in the run")] == [
        (one.where, one.problem) for one in caught.value.mistakes
    ]
    assert [] == worked
    record = tmp_path / "runs" / "base" / "seed-0" / running.RUN
    saved = json.loads(record.read_text())
    assert ("done", "", None) == (saved["state"], saved["launcher"], saved["against"])
    assert source.source_of() == saved["commit"]
    record.write_text("{")
    with pytest.raises(DatasetError, match=r"run\.json: is damaged"):
        run()


def test_a_run_keeps_what_it_was_compared_with() -> None:
    """As its configuration was then."""
    against = facts("n4", "grpo.max_steps=9")["against"]
    assert ("n8" if variant("n8").same_as == "" else "base") == against["name"]
    assert (9, "ablation" in against["config"]) == (against["config"]["grpo"]["max_steps"], False)


@pytest.mark.parametrize(
    ("launcher", "told"),
    [
        ("nosuch launch", "--launcher: 'nosuch' is no command here; give a command"),
        ("accelerate 'launch", "cannot be split into words (No closing quotation)"),
    ],
)
def test_a_wrong_launcher_is_told_at_once(
    launcher: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before there is a folder; options may come first, and `run` be left out."""
    output = tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        main(["ablate", "--seeds", "0", "base", "--launcher", launcher, "-o", str(output)])
    assert 2 == stop.value.code
    assert told in capsys.readouterr().err
    assert not output.exists()


def test_a_system_error_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that is not there, say."""
    monkeypatch.setattr(Videos, "read", lambda _: VIDEOS)

    def work(*_: object) -> None:
        raise FileNotFoundError(2, "No such file", "gone")

    monkeypatch.setattr(running, "complete", work)
    both = [variant("base"), variant("n4")]
    failed = running.run_all(both, [0], VIDEOS.table, tmp_path, scale="tiny")
    assert ["base", "n4"] == [one.name for one in failed]


def test_exams_take_clips_from_the_store() -> None:
    """That of the runs; without one they decode."""
    stored = named(planned("base", "store.folder=clips"))["exam after"].words
    assert str(Path("clips").absolute()) == stored[stored.index("--store") + 1]
    assert "--store" not in named(planned("base"))["exam after"].words
