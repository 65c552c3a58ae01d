"""What the tests of all plugins share: clips made from nothing, and the plugins bound as in a run."""
# ruff: noqa: INP001 - a folder of tests is no package

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import torch

from videossr import Clip, Perturbations
from videossr.registry import Registry

if TYPE_CHECKING:
    from videossr.facades import Task

#: What the package says it brings.
_PYPROJECT = Path(__file__).with_name("perturbations") / "pyproject.toml"
PERTURBATIONS = tuple(tomllib.loads(_PYPROJECT.read_text())["project"]["entry-points"]["videossr"])


class MakeClip(Protocol):
    """How the fixture `make_clip` is called."""

    def __call__(
        self,
        frames: int = 48,
        height: int = 32,
        width: int = 48,
        *,
        spacing: float = 0.25,
        seed: int = 0,
    ) -> Clip:
        """A clip of coarse random blobs and fine noise, every frame another."""


class BindTask(Protocol):
    """How the fixture `bind_task` is called."""

    def __call__(self, task: str, /, **settings: Any) -> Task:  # noqa: ANN401 - as from YAML
        """A task of that name with these settings, perturbations among them by name."""


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The plugins of this folder, found by module so that nothing has to be installed."""
    tasks = {name: f"videossr_{name}:plugin" for name in ("anomaly", "counting", "jigsaw")}
    altering = {name: f"videossr_perturbations.{name}:plugin" for name in PERTURBATIONS}
    points = {**tasks, **altering}.items()
    return Registry(EntryPoint(name, value, "videossr") for name, value in points)


@pytest.fixture(scope="session")
def make_clip() -> MakeClip:
    """Makes clips of coarse random blobs and fine noise."""

    def make(
        frames: int = 48, height: int = 32, width: int = 48, *, spacing: float = 0.25, seed: int = 0
    ) -> Clip:
        dice = torch.Generator().manual_seed(seed)
        coarse = torch.rand(frames, 3, 4, 4, generator=dice)
        blobs = torch.nn.functional.interpolate(coarse, size=(height, width))
        noise = torch.rand(frames, 3, height, width, generator=dice)
        picture = (blobs * 200 + noise * 55).to(torch.uint8)
        return Clip(picture, torch.arange(frames, dtype=torch.float64) * spacing)

    return make


@pytest.fixture(scope="session")
def bind_task(registry: Registry) -> BindTask:
    """Binds a task to settings as a run does."""

    def bind(task: str, /, **settings: Any) -> Task:  # noqa: ANN401 - as from YAML
        if "perturbations" in settings:
            chosen = {
                name: (registry.perturbation(name, registry.schema(name)(**own)), 1.0)
                for name, own in settings["perturbations"].items()
            }
            settings["perturbations"] = Perturbations(chosen)
        return registry.task(task, registry.schema(task)(**settings), 0.5)

    return bind
