"""The ablations that come along: what each changes, exactly, and that tox has the same ones."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from collections import defaultdict
from configparser import ConfigParser
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from videossr.build import Plan
from videossr.build.checking import check
from videossr.cli import main
from videossr.procedural import write_videos
from videossr.ramp import Ramp
from videossr.registry import Registry
from videossr.render import Renderer
from videossr.scan import scan
from videossr.seeds import rng_for
from videossr.video_table import read_table, write_table
from videossr_trainers.ablations import processes
from videossr_trainers.ablations.presets import PRESETS, find_ablations
from videossr_trainers.ablations.variants import Variants

if TYPE_CHECKING:
    from videossr.dataset import Recipe

ROOT = Path(__file__).parents[1]
SCALES = ("tiny", "paper")

#: Those that are as their counterpart has it, at each scale: they are there for scales where it is otherwise.
SAME = {
    "tiny": {"difficulty_train", "kl_off", "n8", "no_trim", "separate_clips", "unnamed"},
    "paper": {"difficulty_train", "kl_on", "n8", "no_trim", "separate_clips", "unnamed"},
}

SMALL = ("build.size=20", "video.max_pixels=1024")


@cache
def variants(scale: str, *overrides: str) -> Variants:
    """All of them at a scale."""
    return Variants(find_ablations(), scale, overrides)


@pytest.mark.parametrize("scale", SCALES)
def test_every_ablation_is_one_at_each_scale(scale: str) -> None:
    """It resolves, and differs from what it is compared with, or says that it does not."""
    found = variants(scale)
    same = {one.name for one in found.variants(list(found.ablations)) if one.same_as}
    assert SAME[scale] == same
    assert all(one.summary for one in found.ablations.values())


#: What the levels of difficulty change, by hand; what is trained on is the middle.
LEVELS: dict[str, dict[str, Any]] = {
    "tiny": {
        "anomaly": {"min_segment_frames": (4, 3, 2), "max_segment_frames": (8, 6, 4)},
        "counting": {
            "max_frames": (2, 3, 5),
            "max_instances": (1, 1, 1),
            "max_size": (0.6, 0.6, 0.45),
        },
        "jigsaw": {"segments": (3, 3, 5)},
    },
    "paper": {
        "anomaly": {"min_segment_frames": (12, 8, 4), "max_segment_frames": (24, 16, 8)},
        "counting": {
            "max_frames": (2, 3, 5),
            "max_instances": (2, 3, 5),
            "max_size": (0.45, 0.4, 0.3),
        },
        "jigsaw": {"segments": (4, 6, 8)},
    },
}


@pytest.mark.parametrize("scale", SCALES)
def test_difficulty_changes_every_task(scale: str) -> None:
    """Something of each is easier or harder than what is trained on, at each scale."""
    tasks = variants(scale).config("base").tasks
    assert tasks.keys() == LEVELS[scale].keys()
    for name, entry in tasks.items():
        config = entry.task.config
        for field, levels in LEVELS[scale][name].items():
            ramp = getattr(config, field)
            assert levels == (ramp.easy, ramp.train, ramp.hard)
        ramps = [value for _, value in config if isinstance(value, Ramp)]
        assert any(ramp.train != ramp.hard for ramp in ramps)
        assert any(ramp.easy != ramp.hard for ramp in ramps)
    easy, hard = (variants(scale).config(f"difficulty_{level}") for level in ("easy", "hard"))
    for level, config in ((0.0, easy), (1.0, hard)):
        assert {level} == {entry.task.schedule(0.0) for entry in config.tasks.values()}


def test_difficulty_follows_the_rewards_over_a_scale_with_another_schedule(tmp_path: Path) -> None:
    """Whose settings an adaptive one has not."""
    scale = tmp_path / "linear.yaml"
    scale.write_text(
        "extends: tiny\ntasks: {jigsaw: {difficulty: {kind: linear, start: easy, stop: hard}}}"
    )
    config = variants(str(scale)).config("difficulty_adaptive")
    assert config.tasks["jigsaw"].task.follows_rewards


def test_there_is_one_for_each_task_each_pair_and_each_perturbation() -> None:
    """Of those that come along; and the part in which all perturbations are off has all of them."""
    ours: dict[str, list[str]] = defaultdict(list)
    for origin in Registry().origins():
        if origin.distribution.startswith("videossr-"):
            ours[origin.kind].append(origin.name)
    names = find_ablations().keys()
    alone = {f"only_{one}" for one in (*ours["task"], *ours["perturbation"])}
    assert alone == {name for name in names if name.startswith("only_")}
    for task in ours["task"]:
        others = sorted({*ours["task"]} - {task})
        assert {f"without_{task}", "_".join(others)} <= names
        for scale in SCALES:
            config = variants(scale).config(f"only_{task}")
            assert ([task], {}) == (list(config.tasks), config.build.off)
            assert others == sorted(variants(scale).config("_".join(others)).tasks)
    for scale in SCALES:
        drawn = drawn_from(scale, "all_perturbations")
        assert sorted(ours["perturbation"]) == drawn
        assert [one for one in drawn if one != "fast_forward"] == drawn_from(
            scale, "no_fast_forward"
        )
        for name in ours["perturbation"]:
            assert [name] == drawn_from(scale, f"only_{name}")


def drawn_from(scale: str, name: str) -> list[str]:
    """The perturbations of an ablation."""
    config: Any = variants(scale).config(name).tasks["anomaly"].task.config
    return sorted(one.name for one in config.perturbations)


# Exactly the rows that it should


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of videos drawn by code."""
    folder = tmp_path_factory.mktemp("drawn")
    write_videos(folder / "videos", 6, seed=0, seconds=6, fps=8, height=32, width=32, workers=1)
    write_table(scan(folder / "videos"), folder / "videos.parquet", folder / "videos")
    return folder / "videos.parquet"


@cache
def perturbations() -> list[str]:
    """All that there are."""
    return drawn_from("tiny", "all_perturbations")


@cache
def planned(videos: Path, *gone: str) -> list[tuple[int, str]]:
    """The seed of each planned question of `anomaly`, and what is drawn first to alter it."""
    off = [f"tasks.anomaly.perturbations.{name}.enabled=false" for name in gone]
    config = variants("tiny", "build.check=false", "build.size=1000", *off).config(
        "all_perturbations"
    )
    task: Any = config.tasks["anomaly"].task.config
    rows, root = read_table(videos)
    return [
        (recipe.seed, task.perturbations.pick(rng_for(recipe.seed)).name)
        for recipe in Plan(config, rows, root).recipes()
        if recipe.task == "anomaly"
    ]


@cache
def built(videos: Path, name: str) -> tuple[list[Recipe], Renderer]:
    """The rows of a checked build, without the floors, and what renders them."""
    config = variants("tiny", *SMALL).config(name)
    rows, root = read_table(videos)
    plan, renderer = Plan(config, rows, root), Renderer(config, root)
    return list(check(plan, renderer).recipes(plan)), renderer


@pytest.mark.parametrize("gone", ["anomaly", "counting", "jigsaw"])
def test_a_task_that_is_switched_off_leaves_the_others_rows(videos: Path, gone: str) -> None:
    """Every column, those of what was rendered included."""
    whole, _ = built(videos, "base")
    left, _ = built(videos, f"without_{gone}")
    assert all(recipe.checked for recipe in whole)
    assert {gone} == {recipe.task for recipe in whole} - {recipe.task for recipe in left}
    assert [recipe for recipe in whole if recipe.task != gone] == left


def test_a_perturbation_that_is_switched_off_leaves_the_rows_that_it_did_not_alter(
    videos: Path,
) -> None:
    """Those of other tasks whole; of its own task, all that was altered otherwise asks the same."""
    whole, renderer = built(videos, "all_perturbations")
    left, _ = built(videos, "no_fast_forward")
    assert others_of(whole) == others_of(left)
    kept = altered = tried = 0
    for before, after in zip(whole, left, strict=True):
        if before.task != "anomaly":
            continue
        target = renderer.make(before).target
        if target["perturbation"] == "fast_forward":
            altered += 1
            assert before.digest != after.digest
        elif target["redraws"]:  # it may have been drawn first, and not have been seen
            tried += 1
        else:
            kept += 1
            assert shown(before) == shown(after)
            assert before.settings != after.settings
    assert kept > altered > 0
    assert kept > tried


@pytest.mark.parametrize("gone", perturbations())
def test_without_any_one_perturbation_the_others_alter_the_same_questions(
    videos: Path, gone: str
) -> None:
    """Of all planned questions, those that it was not drawn for are drawn the same, the others otherwise."""
    every, fewer = planned(videos), planned(videos, gone)
    assert [seed for seed, _ in every] == [seed for seed, _ in fewer]
    pairs = [(one, other) for (_, one), (_, other) in zip(every, fewer, strict=True)]
    assert all((one == other) == (one != gone) for one, other in pairs)
    assert gone in [one for one, _ in pairs]


@pytest.mark.parametrize("name", ["strict_reward", "kl_on", "n4", "named", "only_blur", "trim"])
def test_what_is_changed_of_one_task_leaves_the_others_rows(videos: Path, name: str) -> None:
    """Or of none: settings of the training and of the reward leave all of them."""
    changed = {"named": "anomaly", "only_blur": "anomaly", "trim": "jigsaw"}.get(name)
    whole, _ = built(videos, "base")
    rows, _ = built(videos, name)
    assert len(whole) == len(rows)
    for before, after in zip(whole, rows, strict=True):
        assert (before == after) == (before.task != changed)


def others_of(recipes: list[Recipe]) -> list[Recipe]:
    """Those of tasks that draw from no perturbations."""
    return [recipe for recipe in recipes if recipe.task != "anomaly"]


def shown(recipe: Recipe) -> tuple[str, str, str, str, int]:
    """What is asked, about which video."""
    return recipe.question, recipe.answer, recipe.digest, recipe.video, recipe.seed


# tox


def toxfile(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file with stand-ins for tox, which is not installed where the tests run."""

    def loader(**values: object) -> dict[str, object]:
        return values

    for name, members in {
        "tox": {},
        "tox.config": {},
        "tox.config.loader": {},
        "tox.config.loader.memory": {"MemoryLoader": loader},
        "tox.config.types": {"Command": list},
        "tox.plugin": {"impl": lambda hook: hook},
    }.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("toxfile", ROOT / "toxfile.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tox_has_the_same_ablations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a user's own, each at each scale; an environment without a scale is that of the first."""
    file = toxfile(monkeypatch)
    ours, own = file.FOLDERS
    assert (PRESETS.resolve(), ROOT / "ablations") == (ours.resolve(), own)
    (tmp_path / "mine.yaml").write_text("seed: 1")
    monkeypatch.setattr(file, "FOLDERS", (ours, tmp_path))
    names = [f"ablation-{name}" for name in find_ablations([tmp_path])]
    scales = ("", *(f"-{scale}" for scale in SCALES))
    expected = {f"{name}{scale}" for name in (*names, "ablations") for scale in scales}
    assert expected == {*file.tox_extend_envs()}
    seeds: dict[str, list[Any]] = defaultdict(list)
    conf = SimpleNamespace(pos_args=lambda _: ("--seeds", "4"), memory_seed_loaders=seeds)
    file.tox_add_core_config(None, SimpleNamespace(conf=conf))
    assert expected == {*seeds}
    ((one,),) = (seeds["ablation-trim-paper"],)
    words = ["videossr", "ablate", "run", "trim", "--scale", "paper", "--seeds", "4"]
    assert [words] == one["commands"]
    assert "tiny" in seeds["ablation-trim"][0]["commands"][0]


@pytest.mark.parametrize(
    ("more", "folder"),
    [
        ((), "ablation_runs/paper"),
        (("-o", "x", "grpo.beta=0"), "x/paper"),
        (("--output=x", "--scale", "my/own.yaml", "n4"), "x/own"),
    ],
)
def test_the_set_that_tox_runs_is_reported_where_it_lies(
    monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], folder: str
) -> None:
    """At the scale and in the folder that are given; its names are those of presets, which differ."""
    file = toxfile(monkeypatch)
    run, report = file.commands("", "paper", more)
    names = [*file.SET]
    assert ["videossr", "ablate", "run", *names, "--scale", "paper", *more] == run
    assert ["videossr", "ablate", "report", folder] == report
    assert set() == {*names} - find_ablations().keys()
    assert set() == {*names} & (SAME["tiny"] | SAME["paper"])


def test_a_name_that_tox_puts_together_is_no_success() -> None:
    """`ablation-paper` is of two factors that tox.ini has, and would do nothing, and be green."""
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    assert "raise SystemExit(" in settings["testenv"]["commands"]
    assert all("commands" in part for name, part in settings.items() if "testenv:" in name)


# All of it

MINUSCULE = """
extends: tiny
video: {num_frames: 8, min_frames: 8, max_pixels: 1024, min_pixels: 1024}
build: {size: 8, held_out: 0.4}
tasks:
  anomaly: {min_segment_frames: 2, max_segment_frames: 4}
  counting: {enabled: false}
  jigsaw: {enabled: false}
warm_start: {steps: 1, batch_size: 2}
grpo:
  questions_per_step: 2
  questions_per_device: 2
  num_generations: 2
  max_steps: 2
  max_completion_length: 4
  loader_workers: 0
  preflight: false
ablation: {questions: 6}
"""


@pytest.mark.slow
def test_ablations_are_run_and_reported(
    videos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two of them share their start; the same again does nothing; the report has what was measured.

    A process of its own makes the training set, as for all stages outside of tests; the others run in this
    one, which has imported what they need.
    """
    outside = processes._run

    def run(command: list[str], log: Path, lock: int) -> int:
        if "build" in command and "bench" not in command:
            return outside(command, log, lock)
        with warnings.catch_warnings(), log.open("a") as file, redirect_stdout(file):
            warnings.simplefilter("ignore")
            return call(*command[command.index("videossr") + 1 :])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(processes, "_run", run)
    Path("small.yaml").write_text(MINUSCULE)
    words = ["ablate", "base", "strict_reward", "n8", "--scale", "small.yaml", "--seeds", "3"]
    words += ["--videos", str(videos), "grpo.num_generations=2"]
    assert 0 == call(*words)
    said = capsys.readouterr().out
    assert "n8: the same as base at small, not run" in said
    assert 1 == said.count(": warm start")
    assert 2 == said.count(": training\n")
    assert "strict_reward, seed 3: done\n" in said
    assert 0 == call(*words)
    told = capsys.readouterr().out.splitlines()
    assert ["base, seed 3: is done", "strict_reward, seed 3: is done"] == told[1:3]
    folder = tmp_path / "ablation_runs" / "small"
    assert 0 == call("ablate", "report", str(folder))
    assert "over wrong video" in capsys.readouterr().out
    base, strict = json.loads((folder / "report.json").read_text())["ablations"]
    assert ("base", "strict_reward", "base") == (base["name"], strict["name"], strict["against"])
    assert base["figures"]["before"] == strict["figures"]["before"]
    assert (2, 4) == (base["cost"]["steps"], base["cost"]["questions"])
    assert "<svg" in (folder / "report.html").read_text()


def call(*words: str) -> int:
    """Run a command in this process, and say its exit code."""
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    assert isinstance(stop.value.code, int)
    return stop.value.code
