"""Ablations that begin with a model in a folder: known by its content, also where its name stays."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ablation_plans import ROW, VIDEOS, named
from omegaconf import OmegaConf
from plain_recipes import dataset_for
from test_model_identity import model

from videossr import ConfigError
from videossr.dataset import Dataset
from videossr.video_table import write_table
from videossr_trainers.ablations import processes, running
from videossr_trainers.ablations.presets import find_ablations
from videossr_trainers.ablations.stages import plan
from videossr_trainers.ablations.variants import Variant, Variants
from videossr_trainers.ablations.videos import Videos
from videossr_trainers.training.provenance import write_provenance

if TYPE_CHECKING:
    from videossr_trainers.ablations.stages import Plan


def beginning(name: object, *overrides: str) -> Variant:
    """The base at the small scale, beginning with a model."""
    begun = (f"model.name={name}", *(overrides or ("warm_start.steps=0",)))
    return Variants(find_ablations(), "tiny", begun).variant("base")


def planned(name: object, *overrides: str) -> Plan:
    """Its stages."""
    return plan(beginning(name, *overrides), 0, VIDEOS, Path("/runs"))


class Runs:
    """Runs of the base in a folder, every stage of which is done already."""

    def __init__(self, folder: Path, begins_with: Path) -> None:
        self.output = folder / "runs"
        self.videos = folder / "videos.parquet"
        self.begins_with = begins_with
        self.told: list[str] = []
        write_table([ROW], self.videos, folder)

    @property
    def variant(self) -> Variant:
        """Of the base."""
        return beginning(self.begins_with)

    @property
    def plan(self) -> Plan:
        """Its stages."""
        return plan(self.variant, 0, Videos.read(self.videos), self.output)

    @property
    def record(self) -> Path:
        """What the run says of itself."""
        return self.output / "runs" / "base" / "seed-0" / running.RUN

    @property
    def facts(self) -> dict[str, Any]:
        """What that file says."""
        return dict(json.loads(self.record.read_text()))

    def make(self) -> None:
        """Put in the place of each stage what it leaves; of the questions real sets, about no video twice."""
        for number, stage in enumerate(self.plan.stages):
            if stage.place in (self.plan.train_set, self.plan.benchmark):
                about(str(number), stage.place)
            else:
                stage.place.mkdir(parents=True, exist_ok=True)
            stage.notes.parent.mkdir(parents=True, exist_ok=True)
            done = {"stage": stage.name, "state": "done", "seconds": 1.0}
            stage.notes.with_name(f"{stage.notes.name}.json").write_text(json.dumps(done))

    def run(self) -> list[str]:
        """The reasons of failures."""
        self.told.clear()
        failed = running.run_all(
            [self.variant], [0], self.videos, self.output, scale="tiny", tell=self.told.append
        )
        return [one.reason for one in failed]


def about(video: str, folder: Path) -> None:
    """Write a set of questions about one video."""
    config = beginning("tiny").config
    found = dataset_for(config)
    recipes = tuple(
        replace(recipe, video=f"{video}.mp4", video_hash=video * 32) for recipe in found.recipes
    )
    header = replace(found.header, plugins=config.provenance)
    Dataset(recipes, header).save(folder)


def test_what_begins_with_a_model_is_known_by_its_content(tmp_path: Path) -> None:
    """The exam before, and the model that is warmed up from it; a copy is the same, a retrained one is not."""
    one = model(tmp_path / "one")
    warm = "warm_start.steps=3"
    first, warmed = planned(one), planned(one, warm)
    copy = model(tmp_path / "copy")
    assert (first.before, warmed.before) == (planned(copy).before, planned(copy, warm).before)
    model(one, "retrained")
    assert first.before != planned(one).before
    assert warmed.before != planned(one, warm).before
    assert named(warmed)["warm start"].place != named(planned(one, warm))["warm start"].place
    assert (first.train_set, first.benchmark) == (planned(one).train_set, planned(one).benchmark)


def test_a_model_that_is_gone_is_told_before_anything_is_run(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(ConfigError, match=r"model.name: '.*gone': no such folder; bring it back"):
        planned(tmp_path / "gone")


def test_a_run_is_not_taken_for_one_of_another_model(tmp_path: Path) -> None:
    """Once the folder holds another one, the run is neither done nor gone on with; both are named."""
    one = model(tmp_path / "one")
    runs = Runs(tmp_path, one)
    runs.make()
    assert [] == runs.run()
    assert "done" == runs.facts["state"]
    first = runs.facts["config"]["model"]["content"]
    assert [] == runs.run()
    assert ["base, seed 0: is done"] == runs.told
    model(one, "retrained")
    before = runs.record.read_bytes()
    with pytest.raises(ConfigError) as raised:
        runs.run()
    (mistake,) = raised.value.mistakes
    assert "base, seed 0: model.name" == mistake.where
    assert mistake.problem.startswith("another model lies there now than when the run began")
    assert f"{first!r} in the run" in mistake.problem
    assert before == runs.record.read_bytes()
    model(one)
    assert [] == runs.run()


def test_the_model_of_an_older_run_is_that_of_its_exam(tmp_path: Path) -> None:
    """Whose record has no content of it; without an exam it is not known, and taken as it is."""
    one = model(tmp_path / "one")
    runs = Runs(tmp_path, one)
    runs.make()
    assert [] == runs.run()
    facts = runs.facts
    content = facts["config"]["model"].pop("content")
    runs.record.write_text(json.dumps(facts))
    exam = runs.output / facts["places"]["before"] / "run.json"
    exam.write_text(json.dumps({"model": {"family": "Qwen3VL", "model": content}}))
    assert [] == runs.run()
    assert ["base, seed 0: is done"] == runs.told
    model(one, "retrained")
    with pytest.raises(ConfigError, match=r"model.name: another model lies there now"):
        runs.run()


def test_what_was_removed_of_a_done_run_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else; until it is there the run is not done."""
    runs = Runs(tmp_path, model(tmp_path / "one"))
    runs.make()
    assert [] == runs.run()
    runs.plan.after.rmdir()
    older = {name: fact for name, fact in runs.facts.items() if name != "attempts"}
    runs.record.write_text(json.dumps(older | {"commit": "c0"}))
    fails = [sys.executable, "-c", "raise SystemExit(1)"]
    monkeypatch.setattr(processes, "_command", lambda *_: fails)
    (reason,) = runs.run()
    assert reason.startswith("exam after: exit code 1")
    assert "running" == runs.facts["state"]
    makes = [sys.executable, "-c", f"import os; os.mkdir({str(runs.plan.after)!r})"]
    monkeypatch.setattr(processes, "_command", lambda *_: makes)
    assert [] == runs.run()
    assert ("base, seed 0: exam after", "base, seed 0: done") == (runs.told[0], runs.told[-1])
    assert runs.plan.after.is_dir()
    assert "done" == runs.facts["state"]
    now = runs.facts["commit"]
    assert ["c0", now, now] == [one["commit"] for one in runs.facts["attempts"]]


def test_a_run_whose_exam_is_about_what_it_learns_from_is_refused(tmp_path: Path) -> None:
    """Before it is trained, with the video's name; what both sets lie in is named too."""
    runs = Runs(tmp_path, model(tmp_path / "one"))
    runs.make()
    shutil.rmtree(runs.plan.benchmark)
    about("0", runs.plan.benchmark)
    (reason,) = runs.run()
    train_set, benchmark = runs.plan.train_set, runs.plan.benchmark
    assert f"{train_set}: 1 videos in common with {benchmark}: 0.mp4" in reason
    assert "running" == runs.facts["state"]


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_what_the_first_model_has_learnt_from_is_not_asked(tmp_path: Path, asked: int) -> None:
    """In its own run, or in that of the model that this one began with; other videos may be."""
    one, two = (trained(tmp_path / name, video) for name, video in {"one": "2", "two": "3"}.items())
    begun = OmegaConf.load(two.parent / "config.yaml")
    begun.model.name = str(one)
    OmegaConf.save(begun, two.parent / "config.yaml")
    runs = Runs(tmp_path, two)
    runs.make()
    shutil.rmtree(runs.plan.benchmark)
    about(str(asked), runs.plan.benchmark)
    reasons = runs.run()
    of = {1: None, 2: one.parent, 3: two.parent}[asked]
    told = f"{two}: was trained in {of} on 1 video of {runs.plan.benchmark}: {asked}.mp4"
    assert ([told] if of else []) == [reason.splitlines()[0] for reason in reasons]


def trained(run: Path, video: str) -> Path:
    """The model of a run that has learnt from one video."""
    about(video, run.with_suffix(".dataset"))
    dataset = Dataset.load(run.with_suffix(".dataset"))
    write_provenance(beginning("tiny").config, dataset, run)
    return model(run / "model")
