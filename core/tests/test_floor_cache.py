"""Floors that are kept: found again, and never one of something else."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest
import torch
from toy_builds import VIDEO

from videossr.config import resolve
from videossr.floor_cache import cache_folder, cached
from videossr.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videossr.config import RunConfig

TIMES = torch.arange(8, dtype=torch.float64)

#: How a floor is asked for, unless a test says otherwise.
USUAL: dict[str, Any] = {"timelines": [(TIMES, 0.5)], "size": (64, 64), "draws": 8}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunConfig]:
    """A configuration with a task that is in a file, as the cache asks of one."""
    monkeypatch.setenv("VIDEOSSR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "filed_pick.py").write_text("from toy_plugins import Pick\nplugin = Pick()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "filed_pick", raising=False)
    registry = Registry([EntryPoint("pick", "filed_pick:plugin", "videossr")])

    def configured(**changes: Any) -> RunConfig:  # noqa: ANN401 - sections
        return resolve({"video": VIDEO, "tasks": {"pick": {}}, **changes}, registry)

    return configured


def ask(config: RunConfig, **changes: Any) -> bool:  # noqa: ANN401 - arguments of `cached`
    """Whether a floor has to be measured."""
    measured = []
    asked = {**USUAL, **changes}

    def measure() -> float:
        measured.append(None)
        return 0.1 + 0.2

    task = next(iter(config.tasks))
    found = cached(config, task, asked["timelines"], asked["size"], asked["draws"], measure)
    assert 0.1 + 0.2 == found  # to the last bit, from the disk too
    return bool(measured)


def test_a_floor_is_measured_once(config: Callable[..., RunConfig]) -> None:
    """Also for a run whose weights, schedule and number of questions are others."""
    assert ask(config())
    assert not ask(config())
    assert not ask(config(build={"size": 3}, tasks={"pick": {"weight": 3, "difficulty": "hard"}}))
    assert 1 == len(list((cache_folder() / "floors").iterdir()))


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"seed": 1}, {}),
        ({"tasks": {"pick": {"options": 3}}}, {}),
        ({}, {"timelines": [(TIMES, 0.6)]}),
        ({}, {"timelines": [(TIMES * 2, 0.5)]}),
        ({}, {"size": (64, 96)}),
        ({}, {"draws": 16}),
    ],
)
def test_a_floor_of_something_else_is_measured(
    config: Callable[..., RunConfig], changes: dict[str, Any], asked: dict[str, Any]
) -> None:
    """Whatever it depends on: seed, settings, times, difficulty, size, draws."""
    assert ask(config())
    assert ask(config(**changes), **asked)


def test_what_lies_around_another_task_does_not_count(
    config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    """Whatever its settings are; around this task they do count."""
    (tmp_path / "filed_scale.py").write_text("from toy_plugins import Scale\nplugin = Scale()\n")
    points = {"pick": "filed_pick:plugin", "scale": "filed_scale:plugin"}
    registry = Registry(EntryPoint(name, at, "videossr") for name, at in points.items())

    def scaled(factor: float, tasks: list[str] | None) -> RunConfig:
        own = {"pick": {}, "other": {"plugin": "pick"}}
        around = {"scale": {"factor": factor, "tasks": tasks}}
        return resolve({"video": VIDEO, "tasks": own, "modifiers": around}, registry)

    del config  # for its file and its cache
    assert ask(scaled(0.5, ["other"]))
    assert not ask(scaled(0.25, ["other"]))
    assert ask(scaled(0.25, ["pick"]))
    assert not ask(scaled(0.25, None))  # the same, as far as this task goes
    assert ask(scaled(0.5, None))


def test_code_that_has_changed_is_measured_again(
    config: Callable[..., RunConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the plugin's version is the same."""
    assert ask(config())
    with (tmp_path / "filed_pick.py").open("a") as file:
        file.write("# another thought\n")
    monkeypatch.setattr("videossr.floor_cache._hash", _uncached())
    assert ask(config())


def _uncached() -> Any:  # noqa: ANN401 - a function of the module
    from videossr import floor_cache  # noqa: PLC0415 - as it is now

    return floor_cache._hash.__wrapped__


def test_a_plugin_in_no_file_is_measured_every_time() -> None:
    """Nobody could tell whether it has changed; the same goes for loose files."""
    from toy_plugins import toys  # noqa: PLC0415 - beside the ones in a file

    config = resolve({"video": VIDEO, "tasks": {"pick": {}}}, toys())
    assert ask(config)
    assert ask(config)


def test_a_loose_file_is_measured_every_time(config: object, tmp_path: Path) -> None:
    """It may import anything."""
    del config  # for its file
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "pick.py").write_text((tmp_path / "filed_pick.py").read_text())
    loose = resolve({"video": VIDEO, "tasks": {"pick": {}}}, Registry((), folders=[folder]))
    assert ask(loose)
    assert ask(loose)


@pytest.mark.parametrize("broken", ["", "nonsense"])
def test_a_damaged_or_unwritable_cache_costs_time_alone(
    config: Callable[..., RunConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    """What is no number is measured anew; a cache that is a file keeps nothing."""
    assert ask(config())
    for file in (cache_folder() / "floors").iterdir():
        file.write_text(broken)
    assert ask(config())
    assert not ask(config())
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VIDEOSSR_CACHE", str(tmp_path / "file"))
    assert ask(config())
