"""Reading a configuration, and finding everything that is wrong with it."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from toy_plugins import (
    TOYS,
    Dim,
    Halves,
    Pick,
    Settings,
    extended_by,
    registry_of,
    toys,
)

from videossr import ConfigError, Ramp, hookimpl
from videossr.config import load_config, preset_names, resolve
from videossr.config.describe import ENTRIES
from videossr.config.load import read_tree
from videossr.discovery import GROUP
from videossr.installing import install_command
from videossr.origin import RESERVED
from videossr.ramp import within
from videossr.registry import Registry
from videossr.schedules import Constant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL: dict[str, Any] = {"tasks": {"pick": {}}}


class OvenSection(BaseModel):
    """A section that an extension reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    degrees: Annotated[int, Field(ge=0, le=300, description="how hot it gets")] = 180


@pytest.fixture(autouse=True)
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One extension, which reads the section `oven` and brings the preset `warm`."""

    class Kitchen:
        @hookimpl
        def register_sections(self) -> dict[str, type[BaseModel]]:
            return {"oven": OvenSection}

        @hookimpl
        def register_presets(self) -> Path:
            return tmp_path / "presets"

    write(tmp_path / "presets", warm="oven: {degrees: 100}\nseed: 1")
    with extended_by(monkeypatch, kitchen=Kitchen()):
        yield


def write(folder: Path, **files: str) -> Path:
    """Write YAML files, and give the first."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{next(iter(files))}.yaml"


def mistakes(tree: dict[str, Any], registry: Registry | None = None) -> list[str]:
    """What is wrong with a tree."""
    with pytest.raises(ConfigError) as caught:
        resolve(tree, registry or toys())
    return [str(mistake) for mistake in caught.value.mistakes]


def misread(path: Path | str, *overrides: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(ConfigError) as caught:
        read_tree(path, overrides)
    return [str(mistake) for mistake in caught.value.mistakes]


# Files


def test_a_file_lies_over_what_it_extends(tmp_path: Path) -> None:
    """Mappings merge to the bottom, the extending file's values win, lists are replaced."""
    path = write(
        tmp_path,
        a="extends: b.yaml\nvideo: {spacing: [3], x: {y: 1}}",
        b="video: {spacing: [1, 2], num_frames: 8, x: {z: 2}}\nseed: 5",
    )
    expected = {"video": {"spacing": [3], "num_frames": 8, "x": {"z": 2, "y": 1}}, "seed": 5}
    assert expected == read_tree(path)


def test_of_several_bases_the_later_win(tmp_path: Path) -> None:
    """A list of bases is laid one over the other, presets among them."""
    path = write(tmp_path, a="extends: [warm, b.yaml]\nx: 1", b="seed: 2")
    assert {"oven": {"degrees": 100}, "seed": 2, "x": 1} == read_tree(path)


def test_several_sources_lie_one_over_the_other(tmp_path: Path) -> None:
    """As if a file extended all of them; what they say of each other is filled in at the end."""
    path = write(tmp_path, a="extends: b.yaml\nx: ${oven.degrees}", b="oven: {degrees: 7}")
    assert {"oven": {"degrees": 7}, "seed": 1, "x": 7} == read_tree(["warm", path])


@pytest.mark.parametrize("override", [(), ("tasks.pick.difficulty={kind: adaptive, window: 8}",)])
def test_a_schedule_of_another_kind_takes_the_place_of_one(
    tmp_path: Path, override: tuple[str, ...]
) -> None:
    """Its settings are not the other's; of the same kind, and in a task's own settings, both count."""
    over = tmp_path / "over.yaml"
    over.write_text("tasks: {pick: {difficulty: {kind: linear, stop: 0.5}, other: {kind: b}}}")
    under = tmp_path / "under.yaml"
    under.write_text(
        "tasks: {pick: {difficulty: {kind: linear, start: 0.25}, other: {kind: a, also: 1}}}"
    )
    pick = read_tree([under, over], override)["tasks"]["pick"]
    assert {"kind": "b", "also": 1} == pick["other"]
    both = {"kind": "linear", "start": 0.25, "stop": 0.5}
    assert ({"kind": "adaptive", "window": 8} if override else both) == pick["difficulty"]
    over.write_text("tasks: {pick: {difficulty: {kind: adaptive}}}")
    assert {"kind": "adaptive"} == read_tree([under, over])["tasks"]["pick"]["difficulty"]


def test_a_base_is_looked_for_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """Paths start from the file's own folder, along a chain of files."""
    (tmp_path / "deep").mkdir()
    path = write(tmp_path, a="extends: deep/b.yaml")
    write(tmp_path / "deep", b="extends: ../c.yaml")
    write(tmp_path, c="seed: 3")
    assert {"seed": 3} == read_tree(path)


def test_a_preset_is_read_by_its_name() -> None:
    """Those that extensions bring, and no others."""
    assert ["warm"] == preset_names()
    assert {"oven": {"degrees": 100}, "seed": 1} == read_tree("warm")


def test_files_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    """The whole circle is told."""
    a = write(tmp_path, a="extends: b.yaml", b="extends: a.yaml")
    b = tmp_path / "b.yaml"
    assert [f"extends: runs in a circle: {a} -> {b} -> {a}"] == misread(a)


def test_one_base_reached_twice_is_no_circle(tmp_path: Path) -> None:
    """Two bases may share a base of their own."""
    path = write(
        tmp_path,
        a="extends: [b.yaml, c.yaml]",
        b="extends: d.yaml\nx: 1",
        c="extends: d.yaml\ny: 2",
        d="seed: 4",
    )
    assert {"seed": 4, "x": 1, "y": 2} == read_tree(path)


def test_a_missing_base_is_told_with_the_file_that_names_it(tmp_path: Path) -> None:
    """And with what could be given."""
    path = write(tmp_path, a="extends: nowhere")
    expected = (
        f"{path}: extends: nowhere: is neither a preset nor a file; "
        "give a YAML file, or one of the presets: warm"
    )
    assert [expected] == misread(path)


def test_a_missing_file_is_told() -> None:
    """Neither a preset nor a file."""
    expected = "wram: is neither a preset nor a file; give a YAML file, or one of the presets: warm"
    assert [expected] == misread("wram")


@pytest.mark.parametrize(
    ("written", "given"), [("3", "3"), ("{a: b}", "{'a': 'b'}"), ("[[b]]", "[['b']]")]
)
def test_extends_takes_names_alone(tmp_path: Path, written: str, given: str) -> None:
    """Anything but a text or a list of texts is a mistake."""
    path = write(tmp_path, a=f"extends: {written}")
    right = "name a preset or a file, or a list of them"
    assert [f"{path}: extends: {given} names no configuration; {right}"] == misread(path)


def test_a_list_does_not_fit_over_a_mapping(tmp_path: Path) -> None:
    """The file that does not fit is told."""
    path = write(tmp_path, a="extends: b.yaml\nvideo: [1]", b="video: {num_frames: 8}")
    (found,) = misread(path)
    assert found.startswith(f"{path}: video: does not fit over what it extends: ")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("seed: 1\nvideo: [1", 'a.yaml", line 2'),
        ("seed: 1\nseed: 2", "duplicate key seed"),
        ("seed: \x01", "characters are not allowed"),
        ("seed: ${", "no viable alternative"),
        ("s: !!set {a}", "not a supported primitive type"),
    ],
)
def test_what_is_no_yaml_is_told_with_file_and_line(tmp_path: Path, text: str, where: str) -> None:
    """Syntax, duplicate keys, control characters, types that YAML has and a tree has not."""
    path = write(tmp_path, a=text)
    (found,) = misread(path)
    assert found.startswith(f"{path}: cannot be read as YAML: ")
    assert where in found


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    """A file of other bytes than UTF-8."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"seed: \xff")
    (found,) = misread(path)
    assert found.startswith(f"{path}: cannot be read as YAML: ")


@pytest.mark.parametrize("text", ["- 1\n- 2", "[]"])
def test_a_file_must_be_a_mapping(tmp_path: Path, text: str) -> None:
    """A list has no sections."""
    path = write(tmp_path, a=text)
    right = "write sections such as `video:` and `tasks:`"
    assert [f"{path}: is no mapping of keys to values; {right}"] == misread(path)


# Interpolation and overrides


def test_values_may_refer_to_others(tmp_path: Path) -> None:
    """An interpolation sees the merged tree, overrides included."""
    path = write(tmp_path, a="seed: 1\nvideo: {num_frames: '${build.size}'}\nbuild: {size: 6}")
    tree = read_tree(path, ["build.size=8"])
    assert {"seed": 1, "video": {"num_frames": 8}, "build": {"size": 8}} == tree


def test_an_override_may_refer_to_the_tree(tmp_path: Path) -> None:
    """Not only to itself."""
    path = write(tmp_path, a="build: {size: 6}")
    assert 6 == read_tree(path, ["seed=${build.size}"])["seed"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed: ${build.size}", "seed: Interpolation key 'build.size' not found"),
        ("seed: ${seed}", "seed: Recursive interpolation detected"),
        ("seed: ???", "seed: Missing mandatory value: seed"),
    ],
)
def test_a_value_that_is_not_there_is_told(tmp_path: Path, text: str, problem: str) -> None:
    """Interpolations to nowhere or to themselves, and values left for others to fill in."""
    path = write(tmp_path, a=text)
    assert [f"{path}: {problem}"] == misread(path)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["seed=7"], {"seed": 7, "video": {"spacing": [1, 2]}}),
        (["video.x.y=true"], {"seed": 1, "video": {"spacing": [1, 2], "x": {"y": True}}}),
        (["video.spacing=[3]"], {"seed": 1, "video": {"spacing": [3]}}),
        (["video.spacing.1=3"], {"seed": 1, "video": {"spacing": [1, 3]}}),
        (["video={x: 1}"], {"seed": 1, "video": {"spacing": [1, 2], "x": 1}}),
        (["video=null"], {"seed": 1, "video": None}),
        (["seed="], {"seed": None, "video": {"spacing": [1, 2]}}),
        (["seed=1e-6"], {"seed": 1e-6, "video": {"spacing": [1, 2]}}),
        (["seed=a=b"], {"seed": "a=b", "video": {"spacing": [1, 2]}}),
        (["seed=2", "seed=3"], {"seed": 3, "video": {"spacing": [1, 2]}}),
        (["seed='7'"], {"seed": "7", "video": {"spacing": [1, 2]}}),
    ],
)
def test_overrides_are_laid_on_top(
    tmp_path: Path, overrides: list[str], expected: dict[str, Any]
) -> None:
    """Values are YAML; keys that are new are made; the last of several wins."""
    path = write(tmp_path, a="seed: 1\nvideo: {spacing: [1, 2]}")
    assert expected == read_tree(path, overrides)


def test_all_overrides_that_are_wrong_are_told(tmp_path: Path) -> None:
    """Without a key, without a value, no YAML, no place for it in the tree."""
    path = write(tmp_path, a="video: {spacing: [1]}")
    found = misread(path, "seed", "=3", "seed=[1,", "video=[1]", "video.spacing.4=1", "seed=3")
    right = "write key=value, for instance build.size=200"
    assert [f"seed: is no override; {right}", f"=3: is no override; {right}"] == found[:2]
    expected = ["seed=[1,", "video=[1]", "video.spacing.4=1"]
    assert expected == [line.partition(": ")[0] for line in found[2:]]


# Mistakes


def test_every_mistake_is_told_at_once() -> None:
    """One of each kind, each with its place and with what would be right."""
    tree = {
        "seed": -1,
        "vidoe": {},
        "model": {},
        "video": {"num_frames": 7, "max_pixel": 4096},
        "build": 3,
        "oven": {"degrees": 400},
        "tasks": {
            "pikc": {},
            "dim": {},
            "pick": {"weight": -1, "options": 12, "lonest_s": 3},
            "halves": {"perturbations": {"upend": {}, "dim": {"amount": 0}, "blurr": {}}},
        },
    }
    installed = "installed plugins: dim, halves, pick, upend"
    assert mistakes(tree) == [
        (
            "vidoe: is no section; did you mean 'video'? "
            "sections are build, modifiers, oven, plugins, requires, seed, store, tasks, video"
        ),
        (
            "model: is no section; videossr-trainers, which reads it, is not installed; "
            f"{install_command('videossr-trainers')}"
        ),
        "seed: -1 is no seed; give a whole number, 0 or more",
        (
            "video.num_frames: 7: input should be a multiple of 2; "
            "num_frames is frames in a clip; the model reads pairs"
        ),
        (
            "video.max_pixel: is no field; did you mean 'max_pixels'? fields are decoder, fps, max_pixels, "
            "min_frames, min_pixels, num_frames, pixels, size_multiple, spacing, trim, "
            "windows_per_video"
        ),
        "build: 3 is no mapping; fields are size, refill, off, check, part, held_out, split_seed",
        f"tasks.pikc: no installed plugin has the name 'pikc'; did you mean 'pick'? {installed}",
        "tasks.dim: is a perturbation; must be a task",
        (
            "tasks.pick.weight: -1: input should be greater than 0; "
            "weight is share of the questions, relative to its neighbours; a training run may have another than its dataset"
        ),
        (
            "tasks.pick.options: 12: runs from 12 to 12; must stay from 1 to 9; "
            "options is answers to draw from"
        ),
        (
            "tasks.pick.lonest_s: is no field; did you mean 'longest_s'? "
            "fields are difficulty, enabled, longest_s, options, plugin, weight"
        ),
        (
            "tasks.halves.perturbations.blurr: no installed plugin has the name 'blurr'; "
            f"{installed}"
        ),
        (
            "tasks.halves.perturbations.dim.amount: 0: input should be greater than or equal to 1; "
            "amount is levels taken off"
        ),
        (
            "oven.degrees: 400: input should be less than or equal to 300; "
            "degrees is how hot it gets"
        ),
    ]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("seed", 1.5, "seed: 1.5 is no seed; give a whole number, 0 or more"),
        ("seed", True, "seed: True is no seed; give a whole number, 0 or more"),
        (
            "video",
            [],
            (
                "video: [] is no mapping; fields are num_frames, min_frames, max_pixels, "
                "min_pixels, size_multiple, spacing, windows_per_video, fps, trim, pixels, decoder"
            ),
        ),
        ("video.spacing", [], "video.spacing: []: must have at least one item, or be null"),
        ("video.spacing", float("inf"), "video.spacing.0: inf: input should be a finite number"),
        ("video.spacing", [0.5, 0], "video.spacing.1: 0: input should be greater than 0"),
        ("video.min_frames", 60, "video: min_frames 60 is more than num_frames 48"),
        ("video.max_pixels", 1000, "video: max_pixels 1000 is less than one tile"),
        ("video.decoder", "opencv", "video.decoder: 'opencv': input should be 'pyav' or "),
        ("build.size", 0, "build.size: 0: input should be greater than 0"),
        (
            "tasks",
            None,
            (
                "tasks: None is no table of tasks; name at least one task; "
                "installed plugins: dim, halves, pick, upend"
            ),
        ),
        ("tasks", {}, "tasks: {} is no table of tasks"),
        ("tasks", ["pick"], "tasks: ['pick'] is no table of tasks"),
        ("tasks.pick", 3, "tasks.pick: 3 is no mapping; write its settings, or {} for defaults"),
        (
            "tasks.pick",
            {"weight": float("inf")},
            "tasks.pick.weight: inf: input should be a finite",
        ),
        ("tasks.pick", {"weight": float("nan")}, "tasks.pick.weight: nan: input should be"),
        ("tasks.pick", {"difficulty": "harder"}, "tasks.pick.difficulty: 'harder': "),
        ("tasks.pick", {"difficulty": 1.5}, "tasks.pick.difficulty: 1.5: "),
        (
            "tasks.pick",
            {"dificulty": 0.5},
            ("tasks.pick.dificulty: is no field; did you mean 'difficulty'? "),
        ),
        (
            "tasks.pick",
            {"enabled": "maybe"},
            ("tasks.pick.enabled: 'maybe': input should be a valid boolean"),
        ),
        ("tasks.pick", {3: 4}, "tasks.pick.3: is no field; "),
        (
            "tasks.pick",
            {"options": {"easy": 1, "hard": 10}},
            (
                "tasks.pick.options: "
                "{'easy': 1, 'hard': 10}: runs from 1 to 10; must stay from 1 to 9"
            ),
        ),
        (
            "tasks.halves",
            {},
            (
                "tasks.halves.perturbations: None is no table of perturbations; "
                "name at least one perturbation; installed plugins: dim, halves, pick, upend"
            ),
        ),
        (
            "tasks.halves",
            {"perturbations": {"pick": {}}},
            ("tasks.halves.perturbations.pick: is a task; must be a perturbation"),
        ),
        (
            "tasks.halves",
            {"perturbations": {"dim": {"enabled": False}}},
            "tasks.halves.perturbations: all are disabled; enable at least one",
        ),
        (
            "tasks.halves",
            {"perturbations": {"dim": {"wieght": 2}}},
            "tasks.halves.perturbations.dim.wieght: is no field; did you mean 'weight'? ",
        ),
        ("tasks.pick", {"enabled": False}, "tasks: all are disabled; enable at least one"),
    ],
)
def test_one_mistake_is_told_alone(path: str, value: object, expected: str) -> None:
    """Its place, the value given, and what would be right."""
    section, _, field = path.partition(".")
    tree = {**SMALL, section: {field: value} if field else value}
    (found,) = mistakes(tree)
    assert found.startswith(expected)


def test_that_all_are_disabled_is_told_beside_other_mistakes() -> None:
    """A mistake elsewhere does not hide it."""
    found = mistakes({"seed": -1, "tasks": {"pick": {"enabled": False}}})
    assert [
        "seed: -1 is no seed; give a whole number, 0 or more",
        "tasks: all are disabled; enable at least one",
    ] == found


def test_a_validator_that_fails_is_a_fault_of_the_plugin() -> None:
    """An exception that Pydantic does not expect comes out as a mistake that names the schema."""

    class Shaky(Settings):
        size: int = 1

        @field_validator("size")
        @classmethod
        def _fails(cls, value: int) -> int:
            raise KeyError(value)

    class Shaken(Pick):
        Config = Shaky  # type: ignore[assignment] # another schema is the point

    (found,) = mistakes({"tasks": {"pick": {"size": 3}}}, registry_of(pick=Shaken()))
    assert found.startswith("tasks.pick: checking it raised KeyError: 3; a fault of ")
    assert found.endswith("Shaky")


def test_a_broken_plugin_is_told_with_its_fault() -> None:
    """An enabled one; beside the other mistakes."""
    registry = Registry([EntryPoint("odd", "no_such_module:plugin", GROUP)])
    assert mistakes({"tasks": {"odd": {}}}, registry) == [
        (
            "tasks.odd: plugin of unknown is broken; importing no_such_module:plugin raised "
            "ModuleNotFoundError: No module named 'no_such_module'"
        )
    ]


@pytest.mark.parametrize(
    "settings", [{"enabled": False}, {"enabled": False, "weight": -1}], ids=["alone", "wrong"]
)
def test_a_disabled_plugin_is_not_imported(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where its entry has mistakes."""
    (tmp_path / "sleeping_plugin.py").write_text("plugin = None")
    monkeypatch.syspath_prepend(tmp_path)
    awake = [EntryPoint("pick", "toy_plugins:PICK", GROUP)]
    registry = Registry([*awake, EntryPoint("asleep", "sleeping_plugin:plugin", GROUP)])
    tree = {"tasks": {"pick": {}, "asleep": settings}}
    if "weight" in settings:
        mistakes(tree, registry)
    else:
        assert ["pick"] == list(resolve(tree, registry).tasks)
    assert "sleeping_plugin" not in sys.modules


# What comes out

FULL = {
    "seed": 3,
    "video": {"num_frames": 8, "min_frames": 8, "spacing": 0.5},
    "build": {"size": 10},
    "oven": {"degrees": 90},
    "tasks": {
        "pick": {"weight": 2, "difficulty": "hard", "options": {"easy": 2, "hard": 5}},
        "halves": {
            "perturbations": {
                "dim": {"amount": 9, "weight": 3},
                "upend": {},
            }
        },
    },
}


def test_what_another_entry_uses_is_not_switched_off() -> None:
    """A perturbation that one task leaves out and the other draws from is in use."""
    off = {"enabled": False}
    tasks = {
        "halves": {"perturbations": {"dim": {}, "upend": off}},
        "also": {"perturbations": {"dim": off, "upend": off, "another": {}}},
    }
    registry = registry_of(**TOYS, also=Halves(), another=Dim())
    assert {"upend"} == resolve({"tasks": tasks}, registry).switched_off


def test_a_configuration_comes_out_checked_and_bound() -> None:
    """Levels and ramps as numbers, weights, plugins ready to call, defaults for the rest."""
    config = resolve(FULL, toys())
    assert (3, 10, (0.5,), 65536) == (
        config.seed,
        config.build.size,
        config.video.spacing,
        config.video.max_pixels,
    )
    assert {"pick": 2.0, "halves": 1.0} == {name: w.weight for name, w in config.tasks.items()}
    assert (Constant(at=1.0), Constant()) == tuple(
        config.tasks[name].task.difficulty for name in ("pick", "halves")
    )
    assert 90 == config.section(OvenSection).degrees
    assert {"pick": "1", "halves": "7", "dim": "1", "upend": "1"} == {
        name: origin.plugin_version for name, origin in config.plugins.items()
    }


@pytest.mark.parametrize("tree", [SMALL, FULL], ids=["small", "full"])
def test_the_tree_of_a_configuration_gives_it_again(tree: dict[str, Any]) -> None:
    """Whether its values were given or are defaults."""
    whole = resolve(tree, toys()).tree()
    assert whole == resolve(whole, toys()).tree()


def test_the_tree_of_a_configuration_has_every_default() -> None:
    """And so another version's defaults don't change it."""
    tree = resolve(FULL, toys()).tree()
    assert tree["tasks"] == {
        "pick": {
            "weight": 2.0,
            "difficulty": 1.0,
            "options": {"easy": 2.0, "train": 3.5, "hard": 5.0},
            "longest_s": 1e9,
        },
        "halves": {
            "weight": 1.0,
            "difficulty": 0.5,
            "perturbations": {"dim": {"weight": 3.0, "amount": 9}, "upend": {"weight": 1.0}},
        },
    }


def test_a_configuration_is_loaded_from_a_file(tmp_path: Path) -> None:
    """Files, overrides and plugins come together."""
    path = write(tmp_path, a="extends: warm\ntasks: {pick: {options: 3}}")
    config = load_config(path, ["tasks.pick.weight=4"], registry=toys())
    assert (1, 4.0, 100) == (
        config.seed,
        config.tasks["pick"].weight,
        config.section(OvenSection).degrees,
    )


def test_what_is_reserved_is_what_the_core_reads() -> None:
    """The registry, which has no time to import the schemas, lists their fields."""
    assert {kind: set(entry.model_fields) for kind, entry in ENTRIES.items()} == RESERVED


# Ramps

#: Wide enough for any setting, and far from where differences overflow.
VALUES = st.floats(-1e150, 1e150)
DIFFICULTIES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("written", "levels"),
    [
        (3, (3, 3, 3)),
        (0.5, (0.5, 0.5, 0.5)),
        ({"easy": 3, "hard": 9}, (3, 6, 9)),
        ({"easy": 9, "hard": 3}, (9, 6, 3)),
        ({"easy": 3, "train": 4, "hard": 9}, (3, 4, 9)),
    ],
)
def test_a_ramp_has_short_forms(written: object, levels: tuple[float, float, float]) -> None:
    """One number; two levels, with the middle halfway; three levels."""
    ramp = Ramp.model_validate(written)
    assert levels == (ramp.easy, ramp.train, ramp.hard)
    assert levels == (ramp.at(0), ramp.at(0.5), ramp.at(1))


@pytest.mark.parametrize(
    ("written", "places"),
    [
        (True, {()}),
        ("3", {()}),
        ([3, 9], {()}),
        (float("nan"), {("easy",), ("train",), ("hard",)}),
        ({"easy": 3}, {("hard",)}),
        ({"train": 3}, {("easy",), ("hard",)}),
        ({"easy": 3, "hard": "nine"}, {("hard",)}),
        ({"easy": 3, "hard": 9, "harder": 12}, {("harder",)}),
        ({}, {("easy",), ("hard",)}),
    ],
)
def test_what_is_no_ramp_is_refused(written: object, places: set[tuple[str, ...]]) -> None:
    """With the levels that are wrong, and no others."""
    with pytest.raises(ValidationError) as caught:
        Ramp.model_validate(written)
    assert places == {item["loc"] for item in caught.value.errors()}


def test_a_ramp_is_linear_between_its_levels() -> None:
    """By hand: a quarter is halfway from 2 to 4, three quarters halfway from 4 to 10."""
    ramp = Ramp.between(2, 10, train=4)
    assert (3, 7) == (ramp.at(0.25), ramp.at(0.75))
    assert (2, 10) == (ramp.least, ramp.greatest)


@pytest.mark.parametrize(("value", "whole"), [(2.4, 2), (2.5, 3), (3.5, 4), (-0.5, 0), (-0.6, -1)])
def test_whole_numbers_round_halves_up(value: float, whole: int) -> None:
    """Not to the even neighbour, as Python does."""
    assert whole == Ramp.between(value, value).whole_at(0.3)


@given(VALUES, VALUES, VALUES)
def test_a_ramp_hits_its_levels(easy: float, train: float, hard: float) -> None:
    """To the bit, at difficulties 0, 0.5 and 1."""
    ramp = Ramp.between(easy, hard, train=train)
    assert (easy, train, hard) == (ramp.at(0), ramp.at(0.5), ramp.at(1))


@given(st.tuples(VALUES, VALUES, VALUES).map(sorted), st.tuples(DIFFICULTIES, DIFFICULTIES))
def test_a_ramp_of_growing_levels_grows(levels: list[float], at: tuple[float, float]) -> None:
    """And one of falling levels falls; rounding makes no step back."""
    low, high = sorted(at)
    up = Ramp.between(levels[0], levels[2], train=levels[1])
    down = Ramp.between(levels[2], levels[0], train=levels[1])
    assert up.at(low) <= up.at(high)
    assert down.at(low) >= down.at(high)


@given(VALUES, VALUES, VALUES, DIFFICULTIES)
def test_a_ramp_stays_between_its_bounds(
    easy: float, train: float, hard: float, difficulty: float
) -> None:
    """`within` looks at the levels, and so holds everywhere."""
    ramp = Ramp.between(easy, hard, train=train)
    assert ramp.least <= ramp.at(difficulty) <= ramp.greatest


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        (1, True),
        (9, True),
        ({"easy": 9, "hard": 1}, True),
        (0.9, False),
        (9.1, False),
        ({"easy": 1, "train": 10, "hard": 9}, False),
    ],
)
def test_bounds_hold_at_every_level(written: object, fits: bool) -> None:
    """Both bounds belong to what fits."""
    schema: TypeAdapter[Ramp] = TypeAdapter(Annotated[Ramp, within(1, 9)])
    if fits:
        assert Ramp.model_validate(written) == schema.validate_python(written)
    else:
        with pytest.raises(ValidationError, match="must stay from 1 to 9"):
            schema.validate_python(written)


@pytest.mark.parametrize("written", ["{}", "null", ""])
def test_a_key_with_nothing_after_it_changes_nothing(tmp_path: Path, written: str) -> None:
    """Over a file that says more: an empty entry leaves it as it is, and takes nothing away."""
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text("video: {num_frames: 8}\ntasks:\n  pick: {weight: 3}\n")
    over.write_text(f"extends: base.yaml\nvideo: {written}\ntasks:\n  pick: {written}\n")
    expected = {"video": {"num_frames": 8}, "tasks": {"pick": {"weight": 3}}}
    assert expected == read_tree(over)


def test_a_list_over_a_mapping_is_told(tmp_path: Path) -> None:
    """With the key, and what is right."""
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text("tasks: {pick: {near: {a: 1}}}\n")
    over.write_text("extends: base.yaml\ntasks: {pick: {near: [a]}}\n")
    told = r"over\.yaml: tasks\.pick\.near: does not fit .*; write a mapping, `name: \{\}`"
    with pytest.raises(ConfigError, match=told):
        read_tree(over)


def test_a_source_longer_than_any_file_name_is_told() -> None:
    """As one that is not there."""
    with pytest.raises(ConfigError, match="is neither a preset nor a file"):
        read_tree("x" * 5000)


def test_folders_that_are_no_list_are_told_beside_the_command_line(tmp_path: Path) -> None:
    """Their letters are not taken for folders."""
    path = tmp_path / "run.yaml"
    path.write_text("plugins: {folders: mine}\ntasks: {pick: {}}\n")
    with pytest.raises(ConfigError, match=r"plugins\.folders: 'mine'"):
        load_config(path, folders=[tmp_path])


def test_a_folder_may_come_from_another_value(tmp_path: Path) -> None:
    """As it stands there, wherever the file lies."""
    path = tmp_path / "run.yaml"
    path.write_text("store: {folder: /elsewhere}\nplugins: {folders: ['${store.folder}', near]}\n")
    assert ["/elsewhere", str(tmp_path / "near")] == read_tree(path)["plugins"]["folders"]


# One plugin several times


def test_a_plugin_may_stand_under_several_names() -> None:
    """Each entry has settings of its own; errors and provenance name the plugin."""
    tree = {
        "few": {"plugin": "pick", "options": 2},
        "many": {"plugin": "pick", "options": 9, "difficulty": "hard"},
    }
    config = resolve({"tasks": tree}, toys())
    assert ["few", "many"] == list(config.tasks)
    assert {"pick"} == {weighted.task.name for weighted in config.tasks.values()}
    assert ["pick"] == list(config.plugins)
    options = [config.tasks[name].task.config.model_dump()["options"]["hard"] for name in tree]
    assert [2, 9] == options
    assert config.tree() == resolve(config.tree(), toys()).tree()
    assert "pick" == config.tree()["tasks"]["many"]["plugin"]


@pytest.mark.parametrize(
    ("name", "plugin", "expected"),
    [
        ("few", "pikc", "tasks.few.plugin: no installed plugin has the name 'pikc'; did you mean"),
        ("few", "dim", "tasks.few: is a perturbation; must be a task"),
        ("halves", "pick", "tasks.halves: is of the plugin 'pick' and called like another plugin"),
        ("A few", "pick", "tasks.A few: the name 'A few' is none; must be lower-case letters"),
    ],
)
def test_a_name_or_a_plugin_that_cannot_be_is_told(name: str, plugin: str, expected: str) -> None:
    """With the place in the configuration."""
    (mistake,) = mistakes({"tasks": {name: {"plugin": plugin}}})
    assert mistake.startswith(expected)


def test_a_name_of_its_own_keeps_a_plugin_off_that_is_switched_off() -> None:
    """The plugin behind an entry is what is disabled, and not imported."""
    tree = {"few": {"plugin": "pick", "enabled": False}, "pick": {"enabled": False}}
    registry = toys()
    config = resolve({"tasks": {**tree, "halves": {"perturbations": {"dim": {}}}}}, registry)
    assert frozenset({"pick"}) == config.switched_off
