"""Plugins to test the core with, small enough to know their answers by hand, and ways to install them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.metadata import Distribution, EntryPoint
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from videossr import Clip, HookCall, Perturbations, Ramp, Unparsable, Unsuitable, hookimpl
from videossr.discovery import GROUP
from videossr.extensions import COMMANDS_GROUP, extensions
from videossr.ramp import within
from videossr.registry import Registry
from videossr.sample import Sample, question_prompt

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest
    from torch import Tensor

_numbers: Final = count()


class Settings(BaseModel):
    """Base of the toy configurations."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PickConfig(Settings):
    """How many answers there are, and which clips will do."""

    options: Annotated[Ramp, within(1, 9), Field(description="answers to draw from")] = (
        Ramp.between(4, 4)
    )
    longest_s: Annotated[float, Field(gt=0, description="seconds of the longest clip taken")] = 1e9


class Pick:
    """Draws one of k digits; the pixels say nothing about it."""

    Config = PickConfig
    summary = "Guess a digit"
    version = "1"

    @hookimpl
    def make_sample(
        self, clip: Clip, config: PickConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        """The clip as it is, and a digit from 1 to k."""
        if float(clip.times[-1] - clip.times[0]) > config.longest_s:
            raise Unsuitable("too long")
        answer = 1 + int(rng.random() * config.options.whole_at(difficulty))
        return Sample(question_prompt(None, "Which digit?"), (clip,), str(answer))

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        """1 for the digit itself."""
        if not completion.isdigit():
            raise Unparsable("must be a digit")
        return float(completion == answer)


class HalvesConfig(Settings):
    """Which perturbations are drawn from."""

    perturbations: Annotated[Perturbations, Field(description="what may happen to a half")]


class Halves:
    """Alters one half of a clip and asks which."""

    Config = HalvesConfig
    summary = "Say which half was altered"
    version = "7"

    @hookimpl
    def make_sample(self, clip: Clip, config: HalvesConfig, rng: random.Random) -> Sample:
        """The clip with one half altered; 1 or 2."""
        half = len(clip) // 2
        which = int(rng.random() * 2)
        frames = clip.frames.clone()
        part = slice(which * half, (which + 1) * half)
        chosen = config.perturbations.pick(rng)
        frames[part] = chosen.apply(Clip(clip.frames[part], clip.times[part]), rng=rng)
        prompt = question_prompt(None, "Which half was altered?")
        return Sample(prompt, (clip.with_frames(frames),), str(which + 1))

    @hookimpl
    def difficulty_schedule(self, progress: float) -> float:
        """As hard as the build is far."""
        return progress

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        """1 for the half itself."""
        return float(completion == answer)


class DimConfig(Settings):
    """By how much."""

    amount: Annotated[int, Field(ge=1, le=255, description="levels taken off")] = 40


class Dim:
    """Takes a constant off every pixel."""

    Config = DimConfig
    summary = "Darken the picture"
    version = "1"
    phrase = "darkened"

    @hookimpl
    def perturb(self, clip: Clip, config: DimConfig) -> Tensor:
        """Darker frames."""
        return (clip.frames.int() - config.amount).clamp(min=0).byte()


class Upend:
    """Turns the picture upside down."""

    Config = Settings
    summary = "Turn upside down"
    version = "1"

    @hookimpl
    def perturb(self, clip: Clip) -> Tensor:
        """Frames with their rows in reverse."""
        return clip.frames.flip(2)


class Scaled:
    """Wrappers that multiply rewards, and note what they see."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.seen: list[tuple[str, str, str]] = []

    @hookimpl(wrapper=True)
    def reward(self, call: HookCall) -> Iterator[None]:
        """The reward times the factor."""
        self.seen.append((call.plugin, call.hook, call.context))
        score = yield
        return score * self.factor  # type: ignore[operator, return-value] # what the hook returned

    def measurements(self) -> dict[str, float]:
        """How many were seen."""
        return {"calls": len(self.seen)}


class FactorConfig(Settings):
    """By how much."""

    factor: float = 0.5


class Scale:
    """A modifier that makes rewards smaller."""

    Config = FactorConfig
    summary = "Scale every reward"
    version = "1"

    @hookimpl
    def make_modifier(self, config: FactorConfig) -> Scaled:
        """Wrappers for one run."""
        return Scaled(config.factor)


PICK: Final = Pick()

TOYS: Final[Mapping[str, Any]] = {
    "pick": PICK,
    "halves": Halves(),
    "dim": Dim(),
    "upend": Upend(),
}


def points_of(group: str = GROUP, /, **plugins: object) -> list[EntryPoint]:
    """Entry points by which these objects are found."""
    module = ModuleType(f"toy_plugins_{next(_numbers)}")
    vars(module).update(plugins)
    sys.modules[module.__name__] = module
    return [EntryPoint(name, f"{module.__name__}:{name}", group) for name in plugins]


def registry_of(**plugins: object) -> Registry:
    """A registry of these plugin objects, each behind an entry point of its name."""
    return Registry(points_of(**plugins))


def toys() -> Registry:
    """A registry of the plugins of this module."""
    return registry_of(**TOYS)


def distribution(
    folder: Path, name: str, version: str, points: Mapping[str, str], *, group: str = GROUP
) -> list[EntryPoint]:
    """What an installer leaves behind of a package, and its entry points.

    A folder on `sys.path` is then one in which the package is installed.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata)
    listed = "\n".join(f"{point} = {value}" for point, value in points.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{listed}\n")
    return list(Distribution.at(info).entry_points)


@contextmanager
def extended_by(monkeypatch: pytest.MonkeyPatch, **plugins: object) -> Iterator[None]:
    """As if the packages of these extensions, and no others, were installed."""
    points = points_of(COMMANDS_GROUP, **plugins)
    with monkeypatch.context() as patch:
        patch.setattr("videossr.extensions.entry_points", lambda **_: points)
        extensions.cache_clear()
        try:
            yield
        finally:
            extensions.cache_clear()
