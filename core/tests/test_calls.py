"""Calls of hooks: modifiers around them, what a hook may know of its call, and the trace."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import torch
from modified_calls import configured, modified, modifier_of
from toy_plugins import TOYS, Pick, PickConfig, Scale, Scaled, Settings, registry_of

from videossr import Clip, ConfigError, HookCall, PluginError, Unparsable, Unsuitable, hookimpl
from videossr.config import resolve
from videossr.schedules import Adaptive
from videossr.seeds import rng_for

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator


def test_a_modifier_acts_on_every_task() -> None:
    """As long as it is switched on."""
    scores = [
        configured(modifiers).tasks["pick"].task.score("3", "3", {}).value
        for modifiers in (
            {},
            {"half": {}},
            {"half": {"factor": 0.25}},
            {"half": {"enabled": False}},
        )
    ]
    assert [1.0, 0.5, 0.25, 1.0] == scores


def test_perturbations_have_the_modifiers_of_their_task() -> None:
    """Of two tasks with the same perturbation one has it altered and the other as it is."""

    class Darker:
        @hookimpl(wrapper=True)
        def perturb(self) -> Iterator[None]:
            frames = yield
            return frames // 2  # type: ignore[operator, return-value]

    registry = registry_of(**TOYS, darker=modifier_of(Darker()))
    halves = {"plugin": "halves", "perturbations": {"dim": {"amount": 10}}}
    tree = {
        "tasks": {"light": halves, "dark": halves},
        "modifiers": {"darker": {"tasks": ["dark"]}},
    }
    tasks = resolve(tree, registry).tasks
    clip = Clip(torch.full((4, 3, 8, 8), 100, dtype=torch.uint8), torch.arange(4).double())
    least = {
        name: int(
            weighted.task.make_sample(clip, difficulty=0.5, rng=rng_for(1)).clips[0].frames.min()
        )
        for name, weighted in tasks.items()
    }
    assert {"light": 90, "dark": 45} == least


def test_a_modifier_around_no_task_of_the_run_is_no_part_of_it() -> None:
    """Its task is off; it counts again when that is on, and its own mistakes are told all the same."""
    registry = registry_of(**TOYS, half=Scale())
    tree = {
        "tasks": {"few": {"plugin": "pick"}, "many": {"plugin": "pick", "enabled": False}},
        "modifiers": {"half": {"tasks": ["many"]}},
    }
    without = resolve(tree, registry)
    assert {} == without.modifiers == without.tree()["modifiers"]
    assert frozenset({"half"}) == without.switched_off
    assert {"pick"} == {*without.provenance}
    tree["tasks"]["many"]["enabled"] = True
    assert {"pick", "half"} == {*resolve(tree, registry).provenance}
    tree["modifiers"]["half"]["tasks"] = ["few", "many"]
    tree["tasks"]["many"]["enabled"] = False
    both = resolve(tree, registry)
    assert ["few"] == both.tree()["modifiers"]["half"]["tasks"]
    assert both.tree() == resolve(both.tree(), registry).tree()


def test_modifiers_lie_around_each_other() -> None:
    """The first that is named is the nearest to the plugin: (1 x 0.5) + 0.1 is not (1 + 0.1) x 0.5."""

    class Added:
        @hookimpl(wrapper=True)
        def reward(self) -> Iterator[None]:
            score = yield
            return min(1.0, score + 0.1)  # type: ignore[operator, return-value]

    registry = registry_of(**TOYS, half=Scale(), more=modifier_of(Added()))
    for order, expected in ((("half", "more"), 0.6), (("more", "half"), 0.5)):
        tree = {"tasks": {"pick": {}}, "modifiers": {name: {} for name in order}}
        task = resolve(tree, registry).tasks["pick"].task
        assert expected == pytest.approx(task.score("3", "3", {}).value)


def test_each_run_has_wrappers_of_its_own() -> None:
    """What one run gathers is not the other's."""
    first, second = configured({"half": {}}), configured({"half": {}})
    first.tasks["pick"].task.score("3", "3", {})
    assert {"half/calls": 1.0} == first.measurements()
    assert {"half/calls": 0.0} == second.measurements()


def test_a_wrapper_knows_what_is_called() -> None:
    """Plugin, hook, and what for."""
    wrappers = Scaled(1.0)
    modified(wrappers).score("3", "3", {}, "video a.mp4, seed 7")
    expected = ("task", "reward", "video a.mp4, seed 7, completion '3', answer '3'")
    assert [expected] == wrappers.seen


def test_a_perturbation_is_called_for_the_tasks_video(clip: Clip) -> None:
    """The context of the task's call is part of its own."""
    seen = []

    class Watching:
        @hookimpl(wrapper=True)
        def perturb(self, call: HookCall) -> Iterator[None]:
            seen.append(call.context)
            return (yield)

    tree = {
        "tasks": {"halves": {"perturbations": {"dim": {}}}},
        "modifiers": {"watch": {}},
    }
    config = resolve(tree, registry_of(**TOYS, watch=modifier_of(Watching())))
    config.tasks["halves"].task.make_sample(
        clip, difficulty=0, rng=rng_for(1), context="video a.mp4, seed 7"
    )
    (context,) = seen
    assert context.startswith("video a.mp4, seed 7, segment of 4 frames from ")


def test_a_wrapper_may_call_again(clip: Clip) -> None:
    """With a copy of the dice made before, the same sample; modifiers are not called for it."""
    twice = []

    class Again:
        @hookimpl(wrapper=True)
        def make_sample(self, rng: random.Random, call: HookCall) -> Iterator[None]:
            twin = copy.copy(rng)
            first = yield
            twice.append((first, call.again(rng=twin)))
            return first

    sample = modified(Again()).make_sample(clip, difficulty=0, rng=rng_for(3))
    ((first, second),) = twice
    assert sample is first
    assert first is not second
    assert first.digest() == second.digest()


def test_a_wrapper_may_blame_the_plugin() -> None:
    """The error is about the task, and names the hook and what for."""

    class Blaming:
        @hookimpl(wrapper=True)
        def reward(self, call: HookCall) -> Iterator[None]:
            yield
            raise call.fault("is not to our taste")

    with pytest.raises(PluginError) as caught:
        modified(Blaming()).score("3", "3", {}, "seed 7")
    assert (
        "plugin 'task' (unknown), hook 'reward', seed 7, completion '3', answer '3': "
        "is not to our taste"
    ) == str(caught.value)


@pytest.mark.parametrize("before", [True, False])
def test_a_modifier_that_raises_is_blamed_itself(*, before: bool) -> None:
    """Not the task that it lies around."""

    class Raising:
        @hookimpl(wrapper=True)
        def reward(self) -> Iterator[None]:
            if before:
                raise IndexError("mine")
            yield
            raise IndexError("mine")

    with pytest.raises(PluginError, match=r"plugin 'odd' .* raised IndexError: mine"):
        modified(Raising()).score("3", "3", {})


@pytest.mark.parametrize("twice", [True, False])
def test_a_modifier_that_does_not_yield_once_is_blamed_itself(*, twice: bool) -> None:
    """It cannot be seen before it is called, and pluggy does not say whose it is."""

    class Uneven:
        @hookimpl(wrapper=True)
        def reward(self) -> Iterator[None]:
            if twice:
                yield
                yield

    with pytest.raises(PluginError, match=r"plugin 'odd' .* raised RuntimeError"):
        modified(Uneven()).score("3", "3", {})


def test_of_two_modifiers_with_the_same_code_the_right_one_is_blamed() -> None:
    """Both began as one scaffold; only one divides by zero."""
    source = """
class Wrappers:
    def __init__(self, divisor):
        self.divisor = divisor
    @hookimpl(wrapper=True)
    def reward(self):
        score = yield
        return score / self.divisor
"""

    def made(divisor: float) -> object:
        names: dict[str, Any] = {"hookimpl": hookimpl}
        exec(source, names)  # noqa: S102 - two functions whose code is equal, not the same
        return modifier_of(names["Wrappers"](divisor))

    for fault in ("one", "other"):
        registry = registry_of(
            task=Pick(), **{name: made(name != fault) for name in ("one", "other")}
        )
        around = [registry.modifier(name, Settings()) for name in ("one", "other")]
        task = registry.task("task", PickConfig(), 0.5, modifiers=around)
        with pytest.raises(PluginError, match=rf"plugin '{fault}' .* raised ZeroDivisionError"):
            task.score("3", "3", {})


def test_a_task_that_raises_inside_a_modifier_is_blamed() -> None:
    """Though the error passes through the modifier on its way out."""

    class Bad(Pick):
        @hookimpl
        def reward(self) -> float:  # type: ignore[override] # hooks take what they need
            raise IndexError("mine")

    with pytest.raises(PluginError, match=r"plugin 'task' .* raised IndexError: mine"):
        modified(Scaled(1.0), Bad()).score("3", "3", {})


def test_outcomes_pass_through_modifiers(clip: Clip) -> None:
    """They are no faults."""
    task = modified(Scaled(1.0))
    assert not task.score("?", "3", {}).parsed
    registry = registry_of(task=Pick())
    short = registry.task("task", PickConfig(longest_s=1), modifiers=[])
    with pytest.raises(Unsuitable):
        short.make_sample(clip, difficulty=0, rng=rng_for(0))


def test_what_a_modifier_makes_of_a_reward_is_checked() -> None:
    """It must stay in [0, 1]."""
    with pytest.raises(PluginError, match=r"returned 2.0; must return a number in \[0, 1\]"):
        modified(Scaled(2.0)).score("3", "3", {})


class NoWrapper:
    """Would answer in the task's place."""

    @hookimpl
    def reward(self) -> float:
        """Full marks."""
        return 1.0


class NoYield:
    """Never calls the task."""

    @hookimpl(wrapper=True)
    def reward(self) -> float:
        """Full marks."""
        return 1.0


class Misspelt:
    """Wraps nothing that is there."""

    @hookimpl(wrapper=True)
    def rewards(self) -> Iterator[None]:
        """As it is."""
        return (yield)


class Unwrappable:
    """Wraps what makes it."""

    @hookimpl(wrapper=True)
    def make_modifier(self) -> Iterator[None]:
        """As it is."""
        return (yield)


class UnknownArgument:
    """Asks for what no hook has."""

    @hookimpl(wrapper=True)
    def reward(self, video: str) -> Iterator[None]:
        """As it is."""
        del video
        return (yield)


@pytest.mark.parametrize(
    ("wrappers", "problem"),
    [
        (
            None,
            "made None, which wraps no hook; must have wrappers of any of difficulty_schedule, ",
        ),
        (NoWrapper(), "hook 'reward' is no wrapper; mark it @hookimpl(wrapper=True), or it would "),
        (NoYield(), "hook 'reward' has no `yield`, where the wrapped hook is called"),
        (Misspelt(), "no hook is called 'rewards'; did you mean 'reward'?"),
        (Unwrappable(), "hook 'make_modifier' cannot be wrapped; can be: difficulty_schedule, "),
        (UnknownArgument(), "hook 'reward': found reward(video); expected reward(completion, "),
    ],
)
def test_wrappers_are_looked_over(wrappers: object, problem: str) -> None:
    """A modifier that would do nothing, or too much, ends the run before it begins."""
    registry = registry_of(**TOYS, odd=modifier_of(wrappers))
    with pytest.raises(ConfigError) as caught:
        resolve({"tasks": {"pick": {}}, "modifiers": {"odd": {}}}, registry)
    expected = f"modifiers.odd: plugin 'odd' (unknown), hook 'make_modifier': {problem}"
    assert str(caught.value).startswith(expected)


def test_a_modifier_that_cannot_be_made_is_told() -> None:
    """As a mistake at its place."""

    class Bad(Scale):
        @hookimpl
        def make_modifier(self) -> Scaled:  # type: ignore[override] # hooks take what they need
            raise OSError("no disk")

    registry = registry_of(**TOYS, odd=Bad())
    with pytest.raises(
        ConfigError, match=r"modifiers.odd: plugin 'odd' .* raised OSError: no disk"
    ):
        resolve({"tasks": {"pick": {}}, "modifiers": {"odd": {}}}, registry)


@pytest.mark.parametrize(
    "value", [None, {"calls": float("nan")}, {"calls": 10**400}, {"calls": "many"}, [1.0]]
)
def test_measurements_are_figures(value: object) -> None:
    """What else they are is the modifier's fault."""

    class Odd(Scaled):
        def measurements(self) -> Any:  # noqa: ANN401
            return value

    registry = registry_of(odd=modifier_of(Odd(1.0)))
    with pytest.raises(PluginError, match="must return a dict of finite numbers"):
        registry.modifier("odd", Settings()).measurements()


def test_a_hook_may_know_its_call() -> None:
    """A task sees under which name it is installed."""

    class Knowing(Pick):
        @hookimpl
        def reward(self, call: HookCall) -> float:  # type: ignore[override]
            raise Unparsable(f"{call.plugin} {call.hook}")

    task = registry_of(first=Knowing()).task("first", PickConfig(), 0.5)
    assert "first reward" == task.score("", "1", {}).reason


def test_a_clip_of_inference_mode_is_a_clip() -> None:
    """Whose tensors count no writes."""
    with torch.inference_mode():
        frames = torch.zeros(8, 3, 4, 4, dtype=torch.uint8)
        clip = Clip(frames, torch.arange(8, dtype=torch.float64))
        task = registry_of(pick=Pick()).task("pick", PickConfig(), 0.5)
        task.make_sample(clip, difficulty=0, rng=rng_for(0))


@pytest.mark.parametrize("value", [0.25, None])
def test_a_schedule_of_its_own_may_leave_it_to_the_configuration(value: float | None) -> None:
    """By None; and then training follows the rewards if the configuration says so."""

    class Own(Pick):
        @hookimpl
        def difficulty_schedule(self) -> float | None:
            return value

    task = registry_of(task=Own()).task("task", PickConfig(), Adaptive(start=0.75))
    assert (0.75 if value is None else value) == task.schedule(0.0)
    assert task.follows_rewards
