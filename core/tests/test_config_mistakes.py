"""Finding everything that is wrong with a configuration."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest
from configurations import SMALL, mistakes
from pydantic import field_validator
from toy_plugins import (
    Pick,
    Settings,
    registry_of,
)

from videossr.config import resolve
from videossr.discovery import GROUP
from videossr.installing import install_command
from videossr.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("kitchen")


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
