"""Finding plugins, and calling them so that whatever goes wrong in there has a name."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest
import torch
from toy_plugins import (
    TOYS,
    Dim,
    Halves,
    Pick,
    PickConfig,
    Scale,
    Settings,
    distribution,
    points_of,
    registry_of,
    toys,
)

from videossr import Clip, PluginError, Unparsable, Unsuitable, hookimpl
from videossr.discovery import GROUP
from videossr.registry import Registry
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.facades import Perturbation, Task


@pytest.fixture
def clip() -> Clip:
    """Eight frames of 4 x 4, half a second apart, each grey of its number."""
    frames = torch.arange(8, dtype=torch.uint8)[:, None, None, None].expand(8, 3, 4, 4).clone()
    return Clip(frames, torch.arange(8, dtype=torch.float64) / 2)


def problem(plugin: object) -> str:
    """Why a plugin is broken."""
    origin = registry_of(odd=plugin).origin("odd")
    assert "broken" == origin.state
    return origin.problem


# What is found


def test_a_working_plugin_is_enabled() -> None:
    """Kind by its hooks, and what it says of itself."""
    origins = {origin.name: origin for origin in toys().origins()}
    assert ["dim", "halves", "pick", "upend"] == list(origins)
    found = origins["halves"]
    assert ("task", "enabled", "7", "Say which half was altered", "") == (
        found.kind,
        found.state,
        found.plugin_version,
        found.summary,
        found.problem,
    )
    assert ("difficulty_schedule", "make_sample", "reward") == found.hooks
    assert ("perturbation", ("perturb",)) == (origins["dim"].kind, origins["dim"].hooks)


def test_a_plugin_is_traced_to_its_distribution(tmp_path: Path) -> None:
    """Name and version of the package that brings it."""
    points = distribution(tmp_path, "toy-tasks", "1.2", {"pick": "toy_plugins:Pick"})
    origin = Registry(points).origin("pick")
    assert ("toy-tasks", "1.2", "toy_plugins:Pick") == (
        origin.distribution,
        origin.version,
        origin.module,
    )


def test_installed_packages_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without entry points of one's own, those of the environment are taken."""
    distribution(tmp_path, "toy-tasks", "1.2", {"toy_task": "nowhere:plugin"})
    before = Registry().names
    monkeypatch.syspath_prepend(tmp_path)
    assert ["toy_task"] == sorted({*Registry().names} - {*before})


def test_plugins_that_are_not_asked_for_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their names are known all the same."""
    (tmp_path / "unasked_plugin.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    unasked = EntryPoint("unasked", "unasked_plugin:plugin", GROUP)
    registry = Registry([*points_of(pick=TOYS["pick"]), unasked])
    assert ("pick", "unasked") == registry.names
    assert "enabled" == registry.origin("pick").state
    assert "unasked_plugin" not in sys.modules


def test_an_unknown_plugin_is_a_key_error() -> None:
    """And the nearest name is offered."""
    with pytest.raises(KeyError):
        toys().origin("pikc")
    listed = "installed plugins: dim, halves, pick, upend"
    assert f"did you mean 'pick'? {listed}" == toys().nearest("pikc")
    assert listed == toys().nearest("zzz")
    assert "installed plugins: none" == Registry([]).nearest("pick")


# What is broken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit('no GPU')", "SystemExit: no GPU"),
        ("def (", "SyntaxError: invalid syntax (faulty_plugin.py, line 1)"),
        ("", "AttributeError: module 'faulty_plugin' has no attribute 'plugin'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_broken(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is told, and the others load."""
    (tmp_path / "faulty_plugin.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "faulty_plugin", raising=False)
    faulty = EntryPoint("faulty", "faulty_plugin:plugin", GROUP)
    registry = Registry([faulty, *points_of(pick=TOYS["pick"])])
    origins = registry.origins()
    assert ["broken", "enabled"] == [origin.state for origin in origins]
    assert f"importing faulty_plugin:plugin raised {expected}" == origins[0].problem


def without(*names: str) -> object:
    """A task that lacks these attributes."""
    own = ("Config", "summary", "version", "make_sample", "reward")
    base = {name: vars(Pick)[name] for name in own if name not in names}
    return type("Lacking", (), base)()


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        pytest.param(
            without("Config"),
            "has no attribute 'Config'; add a Pydantic model of its settings, with extra='forbid'",
            id="Config",
        ),
        pytest.param(
            without("summary", "version"),
            "has no attribute 'summary' and no attribute 'version'; add a line on what it does and add "
            "'1', to be raised whenever it makes other samples",
            id="summary and version",
        ),
        pytest.param(
            without("make_sample", "reward"),
            "implements no hook; a task implements make_sample and reward, a perturbation perturb, "
            "a modifier make_modifier",
            id="hooks",
        ),
        pytest.param(
            type("Unmarked", (without("reward").__class__,), {"reward": lambda *_: 1.0})(),
            "implements make_sample; 'reward' lacks the mark @hookimpl; "
            "a task implements make_sample and reward, a perturbation perturb, "
            "a modifier make_modifier",
            id="mark",
        ),
        pytest.param(
            without("reward"),
            "implements make_sample; "
            "a task implements make_sample and reward, a perturbation perturb, "
            "a modifier make_modifier",
            id="reward",
        ),
        pytest.param(
            None,
            "has no attribute 'Config' and no attribute 'summary' and no attribute 'version'; add a "
            "Pydantic model of its settings, with extra='forbid' and add a line on what it does and "
            "add '1', to be raised whenever it makes other samples",
            id="everything",
        ),
        pytest.param(
            Pick, "is the class Pick; the entry point must name an instance of it", id="instance"
        ),
    ],
)
def test_what_a_plugin_lacks_is_told(plugin: object, expected: str) -> None:
    """In words that say what to add."""
    assert expected == problem(plugin)


def test_a_config_must_be_a_pydantic_model() -> None:
    """A dictionary is none."""

    class Odd(Dim):
        Config = {"amount": 3}  # type: ignore[assignment] # the mistake # noqa: RUF012

    assert "its Config is {'amount': 3}; must be a Pydantic model" == problem(Odd())


def test_a_misspelt_hook_is_told() -> None:
    """It would never be called."""

    class Odd(Pick):
        @hookimpl
        def dificulty_schedule(self) -> float:
            return 0.5

    expected = "no hook is called 'dificulty_schedule'; did you mean 'difficulty_schedule'?"
    assert expected == problem(Odd())


def test_a_hook_of_another_version_may_be_optional() -> None:
    """So pluggy marks a hook that may not be there."""

    class Odd(Pick):
        @hookimpl(optionalhook=True)
        def explain_sample(self) -> str:
            return "no"

    assert "enabled" == registry_of(odd=Odd()).origin("odd").state


def test_an_argument_that_no_hook_has_is_told() -> None:
    """With the hook and the argument."""

    class Odd(Dim):
        @hookimpl
        def perturb(self, clip: Clip, colour: int) -> torch.Tensor:  # type: ignore[override]
            return clip.frames + colour

    assert (
        "hook 'perturb': found perturb(clip, colour); expected perturb(clip, config, rng, footage, "
        "call) or fewer of these: 'colour' is none of its arguments"
    ) == problem(Odd())


@pytest.mark.parametrize(
    ("plugin", "field", "expected"),
    [
        (Pick, "weight", "a field 'weight', which the core reads of every task's entry"),
        (Pick, "enabled", "a field 'enabled', which the core reads of every task's entry"),
        (Pick, "difficulty", "a field 'difficulty', which the core reads of every task's entry"),
        (Dim, "weight", "a field 'weight', which the core reads of every perturbation's entry"),
        (Dim, "difficulty", ""),
        (Scale, "enabled", "a field 'enabled', which the core reads of every modifier's entry"),
        (Scale, "tasks", "a field 'tasks', which the core reads of every modifier's entry"),
    ],
)
def test_a_field_of_the_core_is_no_plugins_own(
    plugin: type[Any], field: str, expected: str
) -> None:
    """Its value would never arrive, so such a plugin is broken."""
    schema = type("Taken", (Settings,), {"__annotations__": {field: float}, field: 1.0})
    origin = registry_of(odd=type("Odd", (plugin,), {"Config": schema})()).origin("odd")
    assert ("broken" if expected else "enabled") == origin.state
    assert expected in origin.problem
    if expected:
        assert origin.problem.endswith("; give the field another name")


def test_two_distributions_with_one_name_are_in_conflict(tmp_path: Path) -> None:
    """Both are named, and neither is imported."""
    first = distribution(tmp_path, "toy-tasks", "1.2", {"pick": "unimported:plugin"})
    second = distribution(tmp_path, "other-toys", "0.1", {"pick": "unimported:plugin"})
    origin = Registry([*first, *second]).origin("pick")
    assert "conflict" == origin.state
    assert (
        "other-toys 0.1 and toy-tasks 1.2 both bring a plugin of this name; remove one"
        == origin.problem
    )
    assert "unimported" not in sys.modules


def test_one_plugin_may_have_two_names() -> None:
    """Both work, each by itself."""
    registry = registry_of(dim=TOYS["dim"], darken=TOYS["dim"])
    assert ["enabled", "enabled"] == [origin.state for origin in registry.origins()]


# One caller, one plugin


def test_a_caller_reaches_its_plugin_alone(clip: Clip) -> None:
    """However many are registered, before or after."""

    class Answering(Pick):
        def __init__(self, answer: float) -> None:
            self.answer = answer

        @hookimpl
        def reward(self) -> float:  # type: ignore[override] # hooks take what they need
            return self.answer

    registry = registry_of(**{f"t{i}": Answering(i / 4) for i in range(4)}, **TOYS)
    tasks = [registry.task(f"t{i}", PickConfig(), 0.5) for i in (2, 0, 1)]
    registry.origins()
    assert [0.5, 0.0, 0.25] == [task.score("1", "1", {}).value for task in tasks]
    dim = registry.perturbation("dim", Dim.Config(amount=2))
    registry.perturbation("upend", Settings())
    assert 5 == dim.apply(clip, rng=rng_for(0))[7, 0, 0, 0]


def test_two_bindings_of_one_plugin_keep_their_settings(clip: Clip) -> None:
    """The configuration goes along with the call."""
    registry = toys()
    weak, strong = (registry.perturbation("dim", Dim.Config(amount=n)) for n in (1, 3))
    levels = [int(one.apply(clip, rng=rng_for(0))[7, 0, 0, 0]) for one in (weak, strong, weak)]
    assert [6, 4, 6] == levels


def test_a_hook_takes_the_arguments_that_it_names(clip: Clip) -> None:
    """The toy hooks leave out what they don't need."""
    task = toys().task("pick", PickConfig(), 0.5)
    sample = task.make_sample(clip, difficulty=0.5, rng=rng_for(0))
    assert "Which digit?" == sample.question
    assert 1.0 == task.score(sample.answer, sample.answer, sample.target).value


def test_the_schedule_is_the_hooks_or_the_configured_constant() -> None:
    """Difficulty by progress where the task says so."""
    registry = toys()
    halves = Halves.Config.model_construct()
    assert 0.3 == registry.task("pick", PickConfig(), 0.3).schedule(0.8)
    assert 0.8 == registry.task("halves", halves, 0.3).schedule(0.8)


# What goes wrong in a hook


def task_with(folder: Path, hook: str, does: Any) -> Task:  # noqa: ANN401 - a hook
    """The task `odd` of toy-tasks 1.2, one hook of which does something else."""
    (point,) = points_of(odd=type("Odd", (Pick,), {hook: hookimpl(does)})())
    (installed,) = distribution(folder, "toy-tasks", "1.2", {"odd": point.value})
    return Registry([installed]).task("odd", PickConfig(), 0.5)


def perturbation_with(folder: Path, does: Any) -> Perturbation:  # noqa: ANN401 - a hook
    """The perturbation `odd` of toy-tasks 1.2, which does something else."""
    (point,) = points_of(odd=type("Odd", (Dim,), {"perturb": hookimpl(does)})())
    (installed,) = distribution(folder, "toy-tasks", "1.2", {"odd": point.value})
    return Registry([installed]).perturbation("odd", Dim.Config())


def test_a_hook_that_raises_is_named(tmp_path: Path, clip: Clip) -> None:
    """Plugin, distribution, version, hook, video and seed; the exception is its cause."""

    def make_sample(_: object) -> None:
        raise IndexError("list index out of range")

    task = task_with(tmp_path, "make_sample", make_sample)
    with pytest.raises(PluginError) as caught:
        task.make_sample(clip, difficulty=0, rng=rng_for(0), context="video a.mp4, seed 7")
    assert (
        "plugin 'odd' (toy-tasks 1.2), hook 'make_sample', video a.mp4, seed 7: "
        "raised IndexError: list index out of range"
    ) == str(caught.value)
    assert ("odd", "make_sample") == (caught.value.plugin, caught.value.hook)
    assert isinstance(caught.value.__cause__, IndexError)


@pytest.mark.parametrize("value", [None, "a sample", 3])
def test_make_sample_must_return_a_sample(tmp_path: Path, clip: Clip, value: object) -> None:
    """Anything else is told as it is."""
    task = task_with(tmp_path, "make_sample", lambda _: value)
    with pytest.raises(PluginError) as caught:
        task.make_sample(clip, difficulty=0, rng=rng_for(0))
    assert str(caught.value).endswith(f"'make_sample': returned {value!r}; must return a Sample")


@pytest.mark.parametrize("value", [None, float("nan"), 2.0, -0.1, float("inf"), "x", True, [1.0]])
def test_a_reward_must_be_a_number_from_0_to_1(tmp_path: Path, value: object) -> None:
    """Anything else is a fault of the plugin, and never a 0."""
    task = task_with(tmp_path, "reward", lambda _: value)
    with pytest.raises(PluginError) as caught:
        task.score("my answer", "4", {})
    assert (
        "plugin 'odd' (toy-tasks 1.2), hook 'reward', completion 'my answer', answer '4': "
        f"returned {value!r}; must return a number in [0, 1]"
    ) == str(caught.value)


@pytest.mark.parametrize("value", [0, 1, 0.25])
def test_a_reward_may_be_whole(tmp_path: Path, value: float) -> None:
    """Both ends belong to it."""
    task = task_with(tmp_path, "reward", lambda _: value)
    assert (float(value), True, "") == (
        task.score("4", "4", {}).value,
        task.score("4", "4", {}).parsed,
        task.score("4", "4", {}).reason,
    )


def test_a_reward_that_raises_is_named(tmp_path: Path) -> None:
    """A bug is no wrong answer."""

    def reward(_: object, completion: str) -> float:
        return float(completion)

    with pytest.raises(PluginError, match=r"hook 'reward', .*raised ValueError: could not convert"):
        task_with(tmp_path, "reward", reward).score("seven", "7", {})


@pytest.mark.parametrize("value", [1.5, float("nan"), "hard"])
def test_a_schedule_must_be_a_number_from_0_to_1(tmp_path: Path, value: object) -> None:
    """The progress is told."""
    task = task_with(tmp_path, "difficulty_schedule", lambda _: value)
    with pytest.raises(PluginError) as caught:
        task.schedule(0.25)
    expected = f"progress 0.25: returned {value!r}; must return a number in [0, 1]"
    assert str(caught.value).endswith(expected)


def test_outcomes_pass(tmp_path: Path, clip: Clip) -> None:
    """A clip that will not do is told to the caller; an answer without form scores 0."""

    def make_sample(_: object) -> None:
        raise Unsuitable("too dark")

    def reward(_: object) -> float:
        raise Unparsable("must be a digit")

    task = task_with(tmp_path / "a", "make_sample", make_sample)
    with pytest.raises(Unsuitable, match="too dark"):
        task.make_sample(clip, difficulty=0, rng=rng_for(0))
    score = task_with(tmp_path / "b", "reward", reward).score("?", "4", {})
    assert (0.0, False, "must be a digit") == (score.value, score.parsed, score.reason)


def test_outcomes_of_the_wrong_hook_are_faults(tmp_path: Path, clip: Clip) -> None:
    """No answer is unsuitable, and no clip unparsable."""

    def make_sample(_: object) -> None:
        raise Unparsable("?")

    def reward(_: object) -> float:
        raise Unsuitable("?")

    with pytest.raises(PluginError, match="raised Unparsable"):
        task_with(tmp_path / "a", "make_sample", make_sample).make_sample(
            clip, difficulty=0, rng=rng_for(0)
        )
    with pytest.raises(PluginError, match="raised Unsuitable"):
        task_with(tmp_path / "b", "reward", reward).score("?", "4", {})


@pytest.mark.parametrize("part", ["frames", "times"])
def test_a_task_that_writes_to_its_clip_is_blamed(tmp_path: Path, clip: Clip, part: str) -> None:
    """Others share the clip."""

    def make_sample(
        self: Pick,
        clip: Clip,
        config: PickConfig,
        difficulty: float,
        rng: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        getattr(clip, part).mul_(2)
        return Pick.make_sample(self, clip, config, difficulty, rng)

    task = task_with(tmp_path, "make_sample", make_sample)
    with pytest.raises(PluginError, match="wrote to the clip; must work on a copy"):
        task.make_sample(clip, difficulty=0, rng=rng_for(0))


def test_a_perturbation_that_writes_to_its_clip_is_blamed(tmp_path: Path, clip: Clip) -> None:
    """A segment shares its pixels with the whole."""

    def perturb(_: object, clip: Clip) -> torch.Tensor:
        return clip.frames.add_(1)

    segment = replace(clip, frames=clip.frames[2:4], times=clip.times[2:4])
    with pytest.raises(PluginError) as caught:
        perturbation_with(tmp_path, perturb).apply(segment, rng=rng_for(0))
    assert (
        "plugin 'odd' (toy-tasks 1.2), hook 'perturb', segment of 2 frames from 1.000 s: "
        "wrote to the clip; must work on a copy"
    ) == str(caught.value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "None"),
        (torch.zeros(8, 3, 4, 5, dtype=torch.uint8), "torch.uint8 [8, 3, 4, 5]"),
        (torch.zeros(8, 3, 4, 4), "torch.float32 [8, 3, 4, 4]"),
        (torch.zeros(8, 3, 4, 4, dtype=torch.uint8).numpy(), "uint8 [8, 3, 4, 4]"),
    ],
)
def test_perturbed_frames_keep_shape_and_type(
    tmp_path: Path, clip: Clip, value: object, found: str
) -> None:
    """Anything else is told beside what was expected."""
    odd = perturbation_with(tmp_path, lambda _: value)
    with pytest.raises(PluginError) as caught:
        odd.apply(clip, rng=rng_for(0))
    expected = f"returned {found}; must return a tensor torch.uint8 [8, 3, 4, 4]"
    assert str(caught.value).endswith(expected)


def test_a_fault_inside_a_fault_is_named_once(tmp_path: Path, clip: Clip) -> None:
    """A perturbation that a task calls is the culprit, not the task."""
    inner = perturbation_with(tmp_path / "inner", lambda _: 1 / 0)

    def make_sample(_: object, clip: Clip) -> None:
        inner.apply(clip, rng=rng_for(0))

    task = task_with(tmp_path / "outer", "make_sample", make_sample)
    with pytest.raises(PluginError) as caught:
        task.make_sample(clip, difficulty=0, rng=rng_for(0))
    assert "perturb" == caught.value.hook
