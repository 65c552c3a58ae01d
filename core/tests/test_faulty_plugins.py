"""Plugins that are wrong in every way we know, each with the exact words that its user reads.

No fault of one plugin keeps another from working.
"""

from __future__ import annotations

import gc
import re
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from toy_plugins import Dim, Pick, PickConfig, Settings, distribution, points_of, registry_of

from videossr import API_VERSION, Clip, PluginError, Unparsable, Unsuitable, _hooks, hookimpl
from videossr.installing import install_command
from videossr.registry import Registry
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from videossr.facades import Task


def altered(base: type[Any], **members: Any) -> object:  # noqa: ANN401 - hooks and fields
    """A plugin like another with some members exchanged."""
    return type("Odd", (base,), members)()


class Shadowing(Settings):
    """Takes a field of the core's."""

    weight: float = 1.0


class Renaming(Settings):
    """Reads a field under another name than the one that it is written out by."""

    start: int = Field(1, alias="from")


class RenamingInside(Settings):
    """Does so in a model within."""

    spans: tuple[Renaming, ...] | None = None


class Unordered(Settings):
    """Holds a set, deep down."""

    inner: dict[str, frozenset[str] | None] = Field(default_factory=dict)


class Exploding:
    """Raises when it is looked at."""

    @property
    def Config(self) -> object:  # noqa: N802 - the plugin API's name
        """No settings."""
        raise ZeroDivisionError("division by zero")


# At the door: what the list says


@pytest.mark.parametrize(
    ("name", "plugin", "problem"),
    [
        pytest.param(
            "../odd",
            Pick(),
            "the name '../odd' cannot be written in a configuration; must be lower-case letters, "
            "digits and underscores, a letter first",
            id="a path for a name",
        ),
        pytest.param(
            "Odd",
            Pick(),
            "the name 'Odd' cannot be written in a configuration; must be lower-case letters, "
            "digits and underscores, a letter first",
            id="capitals in the name",
        ),
        pytest.param(
            "odd",
            altered(Pick, hook_api=API_VERSION + 1),
            f"was written for hook API {API_VERSION + 1}; this videossr-core has hook API {API_VERSION}; "
            f"{install_command('-U', 'videossr-core')}",
            id="newer hook API",
        ),
        pytest.param(
            "odd",
            altered(Pick, prepare_clip=hookimpl(lambda self, clip: clip)),
            "is a task and implements 'prepare_clip', which no plugin does; "
            "only what a modifier's make_modifier returns may wrap it",
            id="a hook that is wrapped alone",
        ),
        pytest.param(
            "odd",
            altered(Pick, hook_api="1"),
            "its hook_api is '1'; must be the version of the hook API, a whole number",
            id="hook API that is no number",
        ),
        pytest.param(
            "odd",
            altered(Pick, rewrad=hookimpl(lambda self: 1.0)),
            "no hook is called 'rewrad'; did you mean 'reward'?",
            id="misspelt hook",
        ),
        pytest.param(
            "odd",
            altered(Pick, reward=hookimpl(lambda self, completion, truth: 1.0)),
            "hook 'reward': found reward(completion, truth); expected "
            "reward(completion, answer, target, config, call) or fewer of these: "
            "'truth' is none of its arguments",
            id="unknown argument",
        ),
        pytest.param(
            "odd",
            altered(Pick, reward=hookimpl(lambda self, completion, answer="1": 1.0)),
            "hook 'reward': found reward(completion, answer='1'); expected "
            "reward(completion, answer, target, config, call) or fewer of these: "
            "'answer' has a default and would never be passed",
            id="argument with a default",
        ),
        pytest.param(
            "odd",
            altered(Pick, reward=hookimpl(lambda self, *all_of_it: 1.0)),
            "hook 'reward': found reward(*all_of_it); expected "
            "reward(completion, answer, target, config, call) or fewer of these: "
            "*all_of_it would never be passed",
            id="arguments of any number",
        ),
        pytest.param(
            "odd",
            altered(Pick, reward=hookimpl(wrapper=True)(lambda self: (yield))),
            "hook 'reward' is a wrapper, which would act on every plugin; "
            "only what a modifier's make_modifier returns may wrap",
            id="wrapper in a task",
        ),
        pytest.param(
            "odd",
            altered(Pick, perturb=hookimpl(lambda self, clip: clip.frames)),
            "is a task and implements 'perturb' too; make it a plugin of its own",
            id="two kinds in one",
        ),
        pytest.param(
            "odd",
            altered(Pick, Config=Shadowing),
            "its Config has a field 'weight', which the core reads of every task's entry; "
            "give the field another name",
            id="schema that shadows a field of the core",
        ),
        pytest.param(
            "odd",
            altered(Pick, Config=Renaming),
            "its Config gives the field 'start' an alias; name the field as it is written in YAML",
            id="schema with an alias",
        ),
        pytest.param(
            "odd",
            altered(Pick, Config=RenamingInside),
            "its Config gives the field 'spans.start' an alias; "
            "name the field as it is written in YAML",
            id="schema with an alias in a model within",
        ),
        pytest.param(
            "odd",
            altered(Pick, Config=Unordered),
            "its Config has a set in 'inner'; "
            "use a tuple, or each process would write the settings in another order",
            id="schema with a set",
        ),
        pytest.param(
            "odd",
            altered(Pick, Config={"options": 3}),
            "its Config is {'options': 3}; must be a Pydantic model",
            id="Config that is no model",
        ),
    ],
)
def test_a_plugin_is_refused_at_the_door(name: str, plugin: object, problem: str) -> None:
    """It is broken, for this reason, and its neighbour works."""
    (point,) = points_of(odd=plugin)
    registry = Registry([*points_of(pick=Pick()), type(point)(name, point.value, point.group)])
    origin = registry.origin(name)
    assert ("broken", problem) == (origin.state, origin.problem)
    assert "enabled" == registry.origin("pick").state


def test_a_plugin_that_raises_when_it_is_looked_at_is_broken() -> None:
    """An attribute may be code."""
    origin = registry_of(odd=Exploding()).origin("odd")
    assert "broken" == origin.state
    assert origin.problem.endswith("raised ZeroDivisionError: division by zero")


# Hook API versions


def test_an_older_plugin_with_fewer_arguments_runs(
    monkeypatch: pytest.MonkeyPatch, clip: Clip
) -> None:
    """Arguments are only ever added, and a hook takes those that it names."""
    monkeypatch.setattr(_hooks, "API_VERSION", 7)
    old = altered(Pick, hook_api=1, reward=hookimpl(lambda self, completion: 0.25))
    task = registry_of(odd=old).task("odd", PickConfig(), 0.5)
    assert task.make_sample(clip, difficulty=0, rng=rng_for(0)).answer in "1234"
    assert 0.25 == task.score("1", "1", {}).value


def test_a_newer_plugin_runs_once_the_core_is_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is about the core that is installed."""
    monkeypatch.setattr(_hooks, "API_VERSION", API_VERSION + 1)
    assert "enabled" == registry_of(odd=altered(Pick, hook_api=API_VERSION + 1)).origin("odd").state


# In a hook: what ends the run


def recurse() -> object:
    """Never come back; without the garbage collector, whose callbacks would fail at that depth too."""

    def deeper() -> object:
        return deeper()

    gc.disable()
    try:
        return deeper()
    finally:
        gc.enable()


def leave() -> object:
    """What a script does."""
    raise SystemExit(0)


def sleep() -> object:
    """Longer than any limit here."""
    time.sleep(60)
    return 1.0


def spin() -> object:
    """In Python, without end."""
    while True:
        pass


HOOKS: dict[str, tuple[type[Any], Callable[[Registry, Clip, float], object]]] = {
    "make_sample": (
        Pick,
        lambda registry, clip, limit: task_of(registry, limit).make_sample(
            clip, difficulty=0, rng=rng_for(0), context="video a.mp4, seed 7"
        ),
    ),
    "reward": (
        Pick,
        lambda registry, _, limit: task_of(registry, limit).score(
            "2", "1", {}, "video a.mp4, seed 7"
        ),
    ),
    "difficulty_schedule": (
        Pick,
        lambda registry, _, limit: task_of(registry, limit).schedule(0.5),
    ),
    "perturb": (
        Dim,
        lambda registry, clip, limit: registry.perturbation(
            "odd", Dim.Config(), time_limit_s=limit
        ).apply(clip, rng=rng_for(0), context="video a.mp4, seed 7"),
    ),
}
CONTEXTS = {
    "make_sample": "video a.mp4, seed 7",
    "reward": "video a.mp4, seed 7, completion '2', answer '1'",
    "difficulty_schedule": "progress 0.5",
    "perturb": "video a.mp4, seed 7, segment of 8 frames from 0.000 s",
}
RIGHT = {
    "make_sample": "must return a Sample",
    "reward": "must return a number in [0, 1]",
    "difficulty_schedule": "must return a number in [0, 1]",
    "perturb": "must return a tensor torch.uint8 [8, 3, 4, 4]",
}


#: Seconds that tests can wait for, and seconds that no machine is too busy to keep.
SHORT_S, LONG_S = 0.2, 60.0


def task_of(registry: Registry, limit_s: float) -> Task:
    """The task `odd`."""
    return registry.task("odd", PickConfig(), 0.5, time_limit_s=limit_s)


def failure(
    folder: Path, hook: str, does: Callable[[], object], clip: Clip, limit_s: float = LONG_S
) -> PluginError:
    """The error of a plugin of toy-tasks 1.2 one hook of which does this."""
    base, call = HOOKS[hook]
    (point,) = points_of(odd=altered(base, **{hook: hookimpl(lambda self: does())}))
    registry = Registry(distribution(folder, "toy-tasks", "1.2", {"odd": point.value}))
    with pytest.raises(PluginError) as caught:
        call(registry, clip, limit_s)
    return caught.value


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("does", "problem"),
    [
        (lambda: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (recurse, "raised RecursionError: maximum recursion depth exceeded"),
        (leave, "raised SystemExit: 0"),
        (sleep, "took longer than the limit of 0.2 s"),
        (spin, "took longer than the limit of 0.2 s"),
    ],
    ids=["raises", "recurses", "leaves", "sleeps", "spins"],
)
def test_a_hook_that_fails_is_named(
    tmp_path: Path, clip: Clip, hook: str, does: Callable[[], object], problem: str
) -> None:
    """Plugin, distribution, version, hook, video and seed, and what happened."""
    limit_s = SHORT_S if does in (sleep, spin) else LONG_S
    error = failure(tmp_path, hook, does, clip, limit_s)
    expected = f"plugin 'odd' (toy-tasks 1.2), hook '{hook}', {CONTEXTS[hook]}: {problem}"
    assert expected == str(error)[: len(expected)]
    assert ("odd", hook) == (error.plugin, error.hook)


@pytest.mark.parametrize(
    ("hook", "value"),
    [
        *[("make_sample", value) for value in (None, float("nan"), 2.0, "a sample")],
        *[("reward", value) for value in (None, float("nan"), 2.0, "1.0", True)],
        # a schedule that returns nothing leaves the choice to the configuration
        *[("difficulty_schedule", value) for value in (float("nan"), 2.0, "hard", True)],
        *[("perturb", value) for value in (None, float("nan"), 2.0, "frames")],
    ],
)
def test_a_hook_that_returns_nonsense_is_named(
    tmp_path: Path, clip: Clip, hook: str, value: object
) -> None:
    """With what it returned and what it must return."""
    error = failure(tmp_path, hook, lambda: value, clip)
    # what is returned is judged outside of the call, so a reward's context is the whole of it
    expected = (
        f"plugin 'odd' (toy-tasks 1.2), hook '{hook}', {CONTEXTS[hook]}: "
        f"returned {value!r}; {RIGHT[hook]}"
    )
    assert expected == str(error)


@pytest.mark.parametrize("hook", HOOKS)
def test_an_outcome_of_another_hook_is_a_fault(tmp_path: Path, clip: Clip, hook: str) -> None:
    """No answer is unsuitable, and neither a clip nor a segment unparsable."""
    made = hook in ("make_sample", "perturb")
    wrong = Unparsable("?") if made else Unsuitable("?")

    def raising() -> object:
        raise wrong

    assert str(failure(tmp_path, hook, raising, clip)).endswith(f"raised {type(wrong).__name__}: ?")


def test_a_limit_lets_pass_what_is_quick(clip: Clip) -> None:
    """And outcomes as well."""
    task = registry_of(pick=Pick()).task("pick", PickConfig(longest_s=1), time_limit_s=20)
    assert 1.0 == task.score("3", "3", {}).value
    assert not task.score("?", "3", {}).parsed
    with pytest.raises(Unsuitable):
        task.make_sample(clip, difficulty=0, rng=rng_for(0))


@pytest.mark.parametrize("inner_limit_s", [0.3, 20, None])
def test_within_two_limits_the_innermost_hook_is_named(
    clip: Clip, inner_limit_s: float | None
) -> None:
    """A perturbation that hangs under a task's limit is at fault, and no thread goes on."""
    turns = []

    class Spinning(Dim):
        @hookimpl
        def perturb(self) -> None:  # type: ignore[override] # hooks take what they need
            while True:
                turns[:] = [len(turns)]

    class Altering(Pick):
        @hookimpl
        def make_sample(self, clip: Clip, rng: Random) -> object:  # type: ignore[override]
            return inner.apply(clip, rng=rng)

    registry = registry_of(odd=Spinning(), around=Altering())
    inner = registry.perturbation("odd", Dim.Config(), time_limit_s=inner_limit_s)
    before = threading.active_count()
    with pytest.raises(PluginError) as caught:
        registry.task("around", PickConfig(), time_limit_s=0.3).make_sample(
            clip, difficulty=0, rng=rng_for(0), context="seed 7"
        )
    assert ("odd", "perturb") == (caught.value.plugin, caught.value.hook)
    expected = (
        r"seed 7, segment of .*: took longer than the 0\.[23]\d* s left of the limit of 0.3 s"
    )
    assert re.search(expected, str(caught.value))
    waited = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < waited:
        time.sleep(0.01)
    assert before == threading.active_count()


def test_what_a_task_does_after_a_hang_inside_it_is_its_own(clip: Clip) -> None:
    """One that goes on regardless of a perturbation's error is over time itself."""

    class Stubborn(Pick):
        @hookimpl
        def make_sample(self, clip: Clip, rng: Random) -> object:  # type: ignore[override]
            with suppress(PluginError):
                inner.apply(clip, rng=rng)
            return spin()

    sleeping = altered(Dim, perturb=hookimpl(lambda self: sleep()))
    registry = registry_of(odd=sleeping, around=Stubborn())
    inner = registry.perturbation("odd", Dim.Config(), time_limit_s=0.1)
    with pytest.raises(PluginError, match=r"took longer than the limit of 0\.3 s") as caught:
        registry.task("around", PickConfig(), time_limit_s=0.3).make_sample(
            clip, difficulty=0, rng=rng_for(0)
        )
    assert "around" == caught.value.plugin


def test_no_limit_lets_pass_what_is_slow() -> None:
    """It is off by default."""
    slow = altered(Pick, reward=hookimpl(lambda self: time.sleep(0.3) or 1.0))
    assert 1.0 == registry_of(odd=slow).task("odd", PickConfig(), 0.5).score("", "1", {}).value


def test_a_schema_may_raise_what_it_likes() -> None:
    """A validator that fails otherwise than by a ValueError is told as the plugin's fault."""
    from videossr import ConfigError  # noqa: PLC0415 - beside its use
    from videossr.config import resolve  # noqa: PLC0415

    class Bad(BaseModel):
        model_config = ConfigDict(extra="forbid")

        def model_post_init(self, _: object) -> None:
            raise KeyError("depth")

    with pytest.raises(ConfigError, match=r"tasks.odd: checking it raised KeyError: 'depth'"):
        resolve({"tasks": {"odd": {}}}, registry_of(odd=altered(Pick, Config=Bad)))
