"""The plugin that is checked, bound to its example settings, and what it makes of the kit's clips."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import PluginError, Unsuitable
from videossr.floors import blind_floor
from videossr.levels import LEVELS
from videossr.sample import Sample
from videossr.seeds import rng_for
from videossr.testing.check import BrokenRule
from videossr.testing.clips import CLIPS, footage, textured, timeline
from videossr.testing.settings import PERTURBATION, TASK, example_config, own_plugins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel
    from torch import Tensor

    from videossr.clip import Clip
    from videossr.facades import Modifier, Perturbation, Task
    from videossr.origin import Origin
    from videossr.registry import Registry

#: Samples that are asked for at each level, on each clip.
_SEEDS: Final = 8

#: On the times of how many clips a floor is measured at most, and by how many questions for each.
_FLOOR_CLIPS: Final = 2
_FLOOR_DRAWS: Final = 256


@dataclass(frozen=True, slots=True)
class Draw:
    """What a sample is made from: the number of a clip, a difficulty and a seed."""

    clip: int
    difficulty: float
    seed: int

    def __str__(self) -> str:
        return f"kit's clip {self.clip}, difficulty {self.difficulty:g}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is kept of a sample, which is all but its pixels.

    Attributes:
        shown: a hash of prompt, pixels and times: of all that a model gets.
        times: of all frames of all its clips, in seconds.
    """

    draw: Draw
    question: str
    answer: str
    target: Mapping[str, Any]
    shown: str
    times: tuple[float, ...]

    @classmethod
    def of(cls, draw: Draw, sample: Sample) -> Asked:
        """What is kept of a sample."""
        shown = Sample(sample.prompt, sample.clips, "not shown").digest()
        times = tuple(time for clip in sample.clips for time in clip.times.tolist())
        return cls(draw, sample.question, sample.answer, sample.target, shown, times)


@dataclass(frozen=True, slots=True)
class Survey:
    """Many samples of a task, by level.

    Attributes:
        asked: levels without any are left out.
        refused: how often clips were unsuitable, by reason.
        faults: what the hook did that it must not.
    """

    asked: Mapping[str, tuple[Asked, ...]]
    refused: Mapping[str, Counter[str]]
    faults: tuple[str, ...]

    @property
    def every(self) -> Iterator[Asked]:
        """The samples of all levels."""
        return (asked for level in self.asked.values() for asked in level)


class Subject:
    """A working plugin, bound to its example settings.

    Args:
        registry: where it was found; tasks draw from the perturbations in it.
        name: the plugin's.
    """

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry: Final = registry
        self.name: Final = name

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return self.registry.origin(self.name)

    @property
    def plugin(self) -> Any:  # noqa: ANN401 - a stranger's object
        """The object behind it."""
        return self.registry.plugin(self.name)

    @cached_property
    def config(self) -> BaseModel:
        """Its example settings. Raises `Hopeless` where they don't fit."""
        return example_config(self.registry, self.name)

    @cached_property
    def task(self) -> Task:
        """The plugin, which is a task."""
        return self.registry.task(self.name, self.config)

    @cached_property
    def perturbation(self) -> Perturbation:
        """The plugin, which is a perturbation."""
        return self.registry.perturbation(self.name, self.config)

    def modifier(self) -> Modifier:
        """The plugin, which is a modifier, with wrappers of its own each time."""
        return self.registry.modifier(self.name, self.config)

    def modified(self) -> tuple[Task, Perturbation]:
        """The kit's own plugins with the subject, which is a modifier, around them."""
        around, own = (self.modifier(),), own_plugins()
        task = own.task(TASK, own.schema(TASK)(), modifiers=around)
        altering = own.perturbation(PERTURBATION, own.schema(PERTURBATION)(), modifiers=around)
        return task, altering

    def sample(self, draw: Draw, *, clip: Clip | None = None) -> Sample:
        """A sample of the subject, which is a task, on a clip that nobody else holds."""
        return make(self.task, draw, clip=clip)

    @cached_property
    def survey(self) -> Survey:
        """Samples of the subject, which is a task, at every level."""
        asked: dict[str, tuple[Asked, ...]] = {}
        refused = {level: Counter[str]() for level in LEVELS}
        faults: dict[str, None] = {}  # a set that keeps its order
        for level, difficulty in LEVELS.items():
            made = []
            for seed in range(CLIPS * _SEEDS):
                draw = Draw(seed % CLIPS, difficulty, seed)
                try:
                    made.append(Asked.of(draw, self.sample(draw)))
                except Unsuitable as reason:
                    refused[level][str(reason)] += 1
                except PluginError as error:
                    faults[str(error)] = None
            if made:
                asked[level] = tuple(made)
        return Survey(asked, refused, tuple(faults))

    @cached_property
    def floors(self) -> Mapping[str, float]:
        """The blind floor at every level at which the subject, which is a task, makes samples.

        On the times of clips that it takes at that level. One at which it refuses them all with noise
        for frames is left out.
        """
        floors = {}
        for level, asked in self.survey.asked.items():
            clips = sorted({one.draw.clip for one in asked})[:_FLOOR_CLIPS]
            timelines = [(timeline(clip), LEVELS[level]) for clip in clips]
            with suppress(Unsuitable):
                floors[level] = blind_floor(self.task, timelines, seed=0, draws=_FLOOR_DRAWS)
        return floors

    def offered(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - what it returns
        """What a method that a plugin may have for the kit returns.

        Raises:
            BrokenRule: it raised.
        """
        try:
            return getattr(self.plugin, name)(*arguments)
        except Exception as error:
            raise BrokenRule(f"{name} raised {type(error).__name__}: {error}") from error


def make(task: Task, draw: Draw, *, clip: Clip | None = None) -> Sample:
    """A sample, on a clip that nobody else holds unless one is given."""
    rng = rng_for("conformance", draw.seed)
    shown = textured(draw.clip) if clip is None else clip
    return task.make_sample(
        shown,
        difficulty=draw.difficulty,
        rng=rng,
        context=str(draw),
        footage=footage(draw.clip),
    )


def alter(altering: Perturbation, clip: Clip, seed: int, *, number: int | None = None) -> Tensor:
    """The altered frames of a clip, uint8 of its shape.

    Args:
        altering: what alters it.
        clip: one of the kit's, of any size.
        seed: of the chance.
        number: which one of the kit's it is; by default the one whose turn it is at this seed.
    """
    around = footage(seed % CLIPS if number is None else number, len(clip), clip.height, clip.width)
    rng = rng_for("conformance", seed)
    return altering.apply(clip, rng=rng, context=f"kit's clip, seed {seed}", footage=around)


def outcome(task: Task, draw: Draw) -> str:
    """What tells a sample from another: its digest, or why there is none."""
    try:
        return make(task, draw).digest()
    except Unsuitable as reason:
        return f"unsuitable: {reason}"
