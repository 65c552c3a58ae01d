"""Ablations: which there are, what runs have in common, and how stages are run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ablation_plans import VIDEOS, known, planned

from videossr import ConfigError
from videossr.cli import main
from videossr.video_table import read_table
from videossr_trainers.ablations import running
from videossr_trainers.ablations.presets import chain, chosen, find_ablations
from videossr_trainers.ablations.processes import StageError
from videossr_trainers.ablations.stages import Stage, plan
from videossr_trainers.ablations.variants import Variants
from videossr_trainers.ablations.videos import Videos, table_of

if TYPE_CHECKING:
    from videossr_trainers.ablations.stages import Plan


def write(folder: Path, **files: str) -> Path:
    """A folder of ablations."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


# Which there are


def test_a_file_is_an_ablation(tmp_path: Path) -> None:
    """By its name, beside those that come along; it may extend a part in a folder below."""
    write(tmp_path / "parts", short="grpo: {max_steps: 3}")
    text = "extends: parts/short.yaml\nablation: {summary: in a hurry, against: base}"
    found = find_ablations([write(tmp_path, hasty=text)])
    assert ("in a hurry", "base") == (found["hasty"].summary, found["hasty"].against)
    assert {"short"} & found.keys() == set()
    (variant,) = Variants(found, "tiny", ["grpo.beta=0.5"]).variants(["hasty"])
    grpo: Any = variant.config.sections["grpo"]
    assert (3, 0.5) == (grpo.max_steps, grpo.beta)


def test_every_mistake_in_a_folder_is_told(tmp_path: Path) -> None:
    """A name that is taken, one that is none, a counterpart that is not there, a file passed over."""
    folder = write(
        tmp_path, base="seed: 1", run="seed: 1", lost="ablation: {against: bse}", bad="ablation: 3"
    )
    (folder / "mine.yml").write_text("seed: 1")
    with pytest.raises(ConfigError) as caught:
        find_ablations([folder, tmp_path / "away"])
    told = [(mistake.where, mistake.problem) for mistake in caught.value.mistakes]
    builtin = find_ablations()["base"].path
    assert [
        (str(folder / "mine.yml"), "is passed over"),
        (f"{folder / 'bad.yaml'}: ablation", "3 is no mapping"),
        (str(folder / "base.yaml"), f"has the name of {builtin}"),
        (str(folder / "run.yaml"), "'run' is no name"),
        (str(tmp_path / "away"), "is no folder"),
        (f"{folder / 'lost.yaml'}: ablation.against", "'bse' is no ablation"),
    ] == told


def test_a_circle_of_comparisons_is_told(tmp_path: Path) -> None:
    """With all that are in it."""
    folder = write(tmp_path, a="ablation: {against: b}", b="ablation: {against: a}")
    with pytest.raises(ConfigError, match="runs in a circle: a -> b -> a"):
        find_ablations([folder])


def test_names_are_known_and_each_is_run_once() -> None:
    """Those that are not are all named."""
    there = known().ablations
    assert ["base", "n4"] == chosen(["base", "n4", "base"], there)
    assert ["n4", "n8", "base"] == chain("n4", there)
    with pytest.raises(ConfigError) as caught:
        chosen(["bas", "n5"], there)
    assert ["bas", "n5"] == [mistake.where for mistake in caught.value.mistakes]
    assert "did you mean 'base'?" in str(caught.value)
    with pytest.raises(ConfigError, match="no ablation is named"):
        chosen([], there)


def test_what_is_the_same_at_a_scale_says_so() -> None:
    """And whoever is compared with it is compared with what it is the same as."""
    tiny, paper = known(), known(scale="paper")
    assert ("base", "") == (tiny.variant("kl_off").same_as, paper.variant("kl_off").same_as)
    assert "base" == tiny.variant("named").against  # not `unnamed`, which is as the base has it
    assert "kl_on" == tiny.alias("kl_on")
    assert ("", "") == (tiny.variant("base").same_as, tiny.variant("base").against)


def test_mistakes_of_all_ablations_are_told_at_once(tmp_path: Path) -> None:
    """Each with the ablations that make it."""
    misspelt = "video: {nm_frames: 3}"
    folder = write(tmp_path, one="grpo: {beta: -1}", two=misspelt, three=misspelt)
    with pytest.raises(ConfigError) as caught:
        Variants(find_ablations([folder]), "tiny").variants(["base", "one", "two", "three"])
    places = [mistake.where for mistake in caught.value.mistakes]
    assert ["one: grpo.beta", "two, three: video.nm_frames"] == places


@pytest.mark.parametrize(("scale", "override"), [("tny", "seed=1"), ("tiny", "grpo.bta=1")])
def test_a_mistake_that_all_ablations_have_is_told_once(scale: str, override: str) -> None:
    """It lies in the scale, or in what is laid over all of them."""
    with pytest.raises(ConfigError) as caught:
        known(override, scale=scale).variants(["base", "n4", "trim"])
    (mistake,) = caught.value.mistakes
    assert mistake.where in {"tny", "grpo.bta"}


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    """What a command says, with its exit code."""
    with pytest.raises(SystemExit) as stop:
        main(["ablate", *words])
    return stop.value.code, *capsys.readouterr()


def test_without_a_name_all_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those in the folder `ablations` among them; and what is no command is a name."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "ablations", hasty="ablation: {summary: in a hurry, against: n4}")
    code, listed, _ = said(capsys)
    assert 0 == code
    assert "hasty                in a hurry (against n4)" in listed.splitlines()
    assert (0, listed, "") == said(capsys, "list")
    code, _, error = said(capsys, "hastily", "grpo.beta=0")
    assert (2, True) == (code, "hastily: is no ablation; did you mean 'hasty'?" in error)
    code, _, error = said(capsys, "hasty", "--seeds", "1,-2")
    assert (2, True) == (code, "--seeds: '1,-2' are no seeds" in error)
    assert [tmp_path / "ablations"] == [*tmp_path.iterdir()]


def test_without_videos_some_are_drawn_once(tmp_path: Path) -> None:
    """And scanned; a table is taken as it is."""
    told: list[str] = []
    table = table_of(None, tmp_path, told.append, drawn=2)
    assert 2 == len(read_table(table)[0])
    assert table == table_of(None, tmp_path, told.append, drawn=2)
    kept = table_of(table, tmp_path / "other", told.append)
    assert (table.name, table.read_bytes()) == (kept.name, kept.read_bytes())
    scanning = f"scanning {tmp_path / 'videos'}"
    assert ["no videos are given: drawing 2", scanning, scanning] == told


def shared(one: Plan, other: Plan) -> list[str]:
    """The stages that two runs have in common, by name."""
    return [a.name for a, b in zip(one.stages, other.stages, strict=True) if a.notes == b.notes]


def test_runs_share_what_does_not_depend_on_what_is_changed() -> None:
    """By hand: only the training differs, or the questions too; the exam's questions never do."""
    base, before_training = planned("base"), ["training set", "held-out questions", "warm start"]
    for name in ("strict_reward", "n16", "kl_on"):
        assert [*before_training, "exam before"] == shared(base, planned(name))
    for name in ("only_anomaly", "without_jigsaw", "difficulty_hard", "trim", "only_blur"):
        assert ["held-out questions"] == shared(base, planned(name))
    assert ["held-out questions"] == shared(base, planned("base", seed=1))
    shorter = planned("base", "warm_start.steps=1", "grpo.max_steps=7")
    assert before_training[:2] == shared(base, shorter)[:2]
    assert base.before != shorter.before


def test_other_videos_and_other_plugins_make_other_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set is not taken for one of another version."""
    variant = known().variant("strict_reward")
    before = plan(variant, 0, VIDEOS, Path("/runs"))
    fewer = plan(variant, 0, replace(VIDEOS, content="4567"), Path("/runs"))
    kind = type(variant.config)
    newer = {"jigsaw": {"plugin_version": "99"}}
    monkeypatch.setattr(kind, "provenance", property(lambda _: newer))
    changed = plan(variant, 0, VIDEOS, Path("/runs"))
    for other in (fewer, changed):
        assert before.train_set != other.train_set
        assert before.benchmark != other.benchmark


def test_the_stages_say_what_they_are_given() -> None:
    """Questions of either side of the split; a start without GRPO; GRPO from the start."""
    run = planned("strict_reward", "ablation.questions=30", seed=5)
    stages = {stage.name: stage for stage in run.stages}
    made, asked, start, training = (
        stages[name].tree or {}
        for name in ("training set", "held-out questions", "warm start", "training")
    )
    assert ("train", 5, 1024) == (made["build"]["part"], made["seed"], made["build"]["size"])
    assert ("held_out", 0, 30) == (asked["build"]["part"], asked["seed"], asked["build"]["size"])
    assert {**training["grpo"], "max_steps": 0} == start["grpo"]
    assert 0 == training["warm_start"]["steps"]
    assert Path(training["model"]["name"]).parent == stages["warm start"].place.parent
    # The exam is under the reward of the one that it is compared with.
    assert {"strict_reward": {}} == training["modifiers"]
    assert all("modifiers" not in tree for tree in (made, asked, start))
    assert not any("ablation" in tree for tree in (made, asked, start, training))


def test_a_model_that_needs_no_start_is_examined_as_it_is() -> None:
    """Under its own name and revision."""
    run = planned("base", "model.name=some/model", "model.revision=main", "warm_start.steps=0")
    assert "warm start" not in [stage.name for stage in run.stages]
    before = next(stage for stage in run.stages if stage.name == "exam before")
    assert {"some/model", "--revision", "main"} <= {*before.words}


def test_a_run_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named at the end, and the same again does what is left."""
    variants = known().variants(["base", "n4"])
    worked, failing = [], {"n4"}
    made: set[Path] = set()

    def work(stage: Stage, *_: object) -> None:
        if stage.name == "training" and stage.notes.parts[-4] in failing:
            raise StageError("no room")
        worked.append(stage.name)
        made.add(stage.place)

    monkeypatch.setattr(running, "complete", work)
    monkeypatch.setattr(running, "is_done", lambda stage: stage.place in made)
    monkeypatch.setattr(running, "refuse_overlap", lambda *_: None)
    monkeypatch.setattr(Videos, "read", lambda _: VIDEOS)

    def run_all() -> list[tuple[str, int]]:
        failed = running.run_all(variants, [0, 1], VIDEOS.table, tmp_path, scale="tiny")
        return [(one.name, one.seed) for one in failed]

    assert [("n4", 0), ("n4", 1)] == run_all()
    failing.clear()
    worked.clear()
    assert [] == run_all()
    assert 2 == worked.count("training")
