"""Clips as a task sees them: modifiers around `prepare_clip`, in the clip and in all footage alike."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import pytest
import torch
from pydantic import BaseModel, ConfigDict, Field

from videossr import Clip, ConfigError, Footage, PluginError, Sample, Unsuitable, hookimpl
from videossr.config import resolve
from videossr.footage import ClipSource
from videossr.registry import Registry
from videossr.sample import question_prompt
from videossr.seeds import rng_for

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Generator

    from videossr.config import RunConfig
    from videossr.facades import Modifier, Task


class Nothing(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Peek:
    """A task that notes what it sees, draws a number, and takes footage."""

    Config = Nothing
    summary = "For these tests"
    version = "1"

    @hookimpl
    def make_sample(self, clip: Clip, rng: random.Random, footage: Footage) -> Sample:
        """The clip; the answer is the drawn number, and the levels of three pieces of video."""
        pieces = [clip, footage.own.take(1, 2, 2)]
        if footage.other:
            pieces.append(footage.other.take(0, 1, 2))
        levels = [f"{int(piece.frames.max())}" for piece in pieces]
        return Sample(question_prompt(None, "?"), (clip,), " ".join([f"{rng.random()}", *levels]))

    @hookimpl
    def reward(self) -> float:
        """Any answer is right."""
        return 1.0


class By(BaseModel):
    """How much lighter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    most: Annotated[int, Field(ge=0, le=100, description="grey levels, at most")] = 100


class Lighten:
    """A modifier that adds what it draws."""

    Config = By
    summary = "For these tests"
    version = "1"

    @hookimpl
    def make_modifier(self, config: By) -> Lighter:
        """Wrappers for one run."""
        return Lighter(config.most)


class Lighter:
    """The wrapper of one run."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.levels: list[float] = []

    @hookimpl(wrapper=True)
    def prepare_clip(self, rng: random.Random, difficulty: float) -> Generator[None, Any, Any]:
        """Lighter frames."""
        clip = yield
        self.levels.append(difficulty)
        return clip.with_frames(clip.frames + int(rng.random() * self.most))


class Faulty:
    """A modifier that returns what it is told."""

    Config = Nothing
    summary = "For these tests"
    version = "1"
    make: Callable[[Clip], Any] = staticmethod(lambda clip: clip)

    @hookimpl
    def make_modifier(self) -> Any:  # noqa: ANN401 - a modifier's own
        """Wrappers for one run."""
        make = self.make

        class Wrapper:
            @hookimpl(wrapper=True)
            def prepare_clip(self) -> Generator[None, Any, Any]:
                return make((yield))

        return Wrapper()


@pytest.fixture
def registry() -> Registry:
    """The task and the modifiers."""
    module = ModuleType("toys_to_prepare")
    vars(module).update(peek=Peek(), lighten=Lighten(), faulty=Faulty())
    sys.modules[module.__name__] = module
    names = ("peek", "lighten", "faulty")
    return Registry(EntryPoint(name, f"toys_to_prepare:{name}", "videossr") for name in names)


@pytest.fixture
def task(registry: Registry) -> Callable[..., Task]:
    """The task with modifiers around it."""

    def make(*modifiers: Modifier) -> Task:
        return registry.task("peek", Nothing(), modifiers=modifiers)

    return make


def grey(level: int, frames: int = 4) -> Clip:
    """Frames of one grey level."""
    pixels = torch.full((frames, 3, 4, 4), level, dtype=torch.uint8)
    return Clip(pixels, torch.arange(frames, dtype=torch.float64))


def asked(task: Task, seed: int = 0, difficulty: float = 0.25) -> list[str]:
    """What the task drew, and the levels that it saw: clip, own footage, the other video."""
    footage = Footage(ClipSource(grey(10)), ClipSource(grey(30)))
    sample = task.make_sample(
        grey(10), difficulty=difficulty, rng=rng_for(seed), footage=footage, context="video a.mp4"
    )
    return sample.answer.split()


def test_clip_and_footage_are_altered_alike(registry: Registry, task: Callable[..., Task]) -> None:
    """By one draw a question, another for each seed; and the task draws what it drew without."""
    plain = asked(task())
    assert plain[1:] == ["10", "10", "30"]
    added = set()
    for seed in range(20):
        modifier = registry.modifier("lighten", By())
        drawn, clip, own, other = asked(task(modifier), seed)
        assert drawn == asked(task(), seed)[0]
        assert int(clip) - 10 == int(own) - 10 == int(other) - 30
        assert modifier.wrappers.levels == [0.25] * 3  # type: ignore[attr-defined]
        added.add(int(clip) - 10)
    assert len(added) > 10


def test_the_first_lies_nearest_to_the_video(registry: Registry, task: Callable[..., Task]) -> None:
    """Each gets what the one before it made."""
    lighten = registry.modifier("lighten", By(most=100))
    Faulty.make = staticmethod(lambda clip: clip.with_frames(clip.frames // 2))
    halve = registry.modifier("faulty", Nothing())
    added = int(asked(task(lighten))[1]) - 10
    assert int(asked(task(lighten, halve))[1]) == (10 + added) // 2
    assert int(asked(task(halve, lighten))[1]) == 5 + added


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda _: None, "returned None; must return a Clip"),
        (
            lambda clip: Clip(clip.frames[:2], clip.times[:2]),
            r"returned frames \[2, 3, 4, 4\]; must be \[4, 3, 4, 4\], as they came",
        ),
        (lambda clip: Clip(clip.frames, clip.times + 1), "returned other times"),
        (lambda clip: clip.with_frames(clip.frames.add_(1)), "wrote to the clip"),
        (lambda clip: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_a_fault_is_blamed_on_the_modifier(
    make: Callable[[Clip], Any], problem: str, registry: Registry, task: Callable[..., Task]
) -> None:
    """With the hook, the video and what is right."""
    Faulty.make = staticmethod(make)
    modified = task(registry.modifier("faulty", Nothing()))
    with pytest.raises(PluginError, match=rf"plugin 'faulty' .*'prepare_clip'.*a\.mp4.*{problem}"):
        asked(modified)


def test_of_several_all_that_may_be_at_fault_are_named(
    registry: Registry, task: Callable[..., Task]
) -> None:
    """What came may have been handed on."""
    Faulty.make = staticmethod(lambda clip: Clip(clip.frames, clip.times + 1))
    modified = task(registry.modifier("faulty", Nothing()), registry.modifier("lighten", By()))
    with pytest.raises(PluginError, match=r"plugin 'lighten' .* other times.*; or faulty nearer"):
        asked(modified)


def test_a_clip_may_be_unsuitable(registry: Registry, task: Callable[..., Task]) -> None:
    """As in `make_sample`: the build takes another."""

    def refuse(_: Clip) -> Clip:
        raise Unsuitable("too dark")

    Faulty.make = staticmethod(refuse)
    with pytest.raises(Unsuitable, match="too dark"):
        asked(task(registry.modifier("faulty", Nothing())))


def test_questions_depend_on_the_settings_of_what_prepares_them(registry: Registry) -> None:
    """So that a dataset is not rendered with others; what is not there changes no hash."""

    def settings(**modifiers: Any) -> str:  # noqa: ANN401 - as from YAML
        tree = {"seed": 1, "tasks": {"peek": {}}, "modifiers": modifiers}
        return resolve(tree, registry).settings_hash("peek")

    hashes = [settings(), settings(lighten={}), settings(lighten={"most": 5})]
    assert len({*hashes}) == 3
    assert settings(lighten={"enabled": False}) == hashes[0]
    both = settings(lighten={}, faulty={}), settings(faulty={}, lighten={})
    assert both[0] != both[1]


def test_a_modifier_may_lie_around_some_tasks(registry: Registry) -> None:
    """By the names that they have in the configuration; what it says leaves the other tasks' questions alone."""

    def resolved(tasks: list[str] | None, most: int = 100) -> RunConfig:
        tree = {
            "seed": 1,
            "tasks": {"peek": {}, "peek_2": {"plugin": "peek"}, "off": {"plugin": "peek"}},
            "modifiers": {"lighten": {"most": most, "tasks": tasks}},
        }
        tree["tasks"]["off"]["enabled"] = False
        return resolve(tree, registry)

    some = resolved(["peek_2", "off"])
    lights = {name: asked(weighted.task)[1] for name, weighted in some.tasks.items()}
    assert ("10", True) == (lights["peek"], lights["peek_2"] != "10")
    assert "10" != asked(resolved(None).tasks["peek"].task)[1]
    assert "10" == asked(resolved([]).tasks["peek_2"].task)[1]
    other = resolved(["peek_2"], most=5)
    assert some.settings_hash("peek") == other.settings_hash("peek")
    assert some.settings_hash("peek_2") != other.settings_hash("peek_2")
    # Of a run without the task that is switched off the same comes again, and no default is written.
    again = resolve(some.tree(), registry)
    assert {"tasks": ["peek_2"], "most": 100} == again.tree()["modifiers"]["lighten"]
    assert some.tree() == again.tree()
    assert {"most": 100} == resolved(None).tree()["modifiers"]["lighten"]


def test_a_modifier_names_no_task_that_is_none(registry: Registry) -> None:
    """Told with the one that is meant."""
    tree = {"tasks": {"peek": {}}, "modifiers": {"lighten": {"tasks": ["peak"]}}}
    with pytest.raises(ConfigError) as caught:
        resolve(tree, registry)
    assert "modifiers.lighten.tasks: there is no task 'peak'; did you mean 'peek'?" == str(
        caught.value
    )
