"""The modifiers, around plugins that need them."""

from __future__ import annotations

import itertools
import math
import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from videossr import Clip, PluginError, Sample, Unparsable, Unsuitable, hookimpl
from videossr.ramp import Ramp
from videossr.registry import Registry
from videossr.sample import question_prompt
from videossr.seeds import rng_for

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from torch import Tensor

    from videossr.facades import Modifier, Perturbation, Task

NAMES = (
    "augment",
    "determinism_audit",
    "drift",
    "fade",
    "reward_range",
    "strict_reward",
    "timing",
)


class Settings(BaseModel):
    """What the toys do differently each time they are called."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[Any, Field(description="what the reward returns")] = 1.0
    wavering: Annotated[bool, Field(description="whether calls differ")] = False


class Toy:
    """A task whose hooks give what its settings say, or count their calls."""

    Config = Settings
    summary = "For these tests"
    version = "1"

    def __init__(self) -> None:
        self.calls = itertools.count()

    @hookimpl
    def make_sample(self, clip: Clip, config: Settings, rng: random.Random) -> Sample:
        """A question whose answer is drawn, and counts calls if told to waver."""
        if len(clip) < 2:
            raise Unsuitable("too short")
        answer = f"{rng.random()}"
        if config.wavering:
            answer += f" {next(self.calls)}"
        return Sample(question_prompt(None, "?"), (clip,), answer)

    @hookimpl
    def reward(self, completion: str, config: Settings) -> Any:  # noqa: ANN401 - that is the point
        """The value of the settings."""
        if completion == "?":
            raise Unparsable("must say something")
        return next(self.calls) % 2 / 2 if config.wavering else config.value

    @hookimpl
    def difficulty_schedule(self, progress: float, config: Settings) -> float:
        """As far as it is, or wavering."""
        return next(self.calls) % 2 / 2 if config.wavering else progress


class Shift:
    """A perturbation that adds what it draws."""

    Config = Settings
    summary = "For these tests"
    version = "1"

    def __init__(self) -> None:
        self.calls = itertools.count()

    @hookimpl
    def perturb(self, clip: Clip, rng: random.Random, config: Settings) -> Tensor:
        """Lighter frames."""
        return clip.frames + int(rng.random() * 9) + (next(self.calls) if config.wavering else 0)


@pytest.fixture
def registry() -> Registry:
    """Toys, and the modifiers."""
    module = ModuleType("toys_to_modify")
    vars(module).update(toy=Toy(), shift=Shift())
    sys.modules[module.__name__] = module
    points = {name: f"toys_to_modify:{name}" for name in ("toy", "shift")}
    points |= {name: f"videossr_modifiers.{name}:plugin" for name in NAMES}
    return Registry(EntryPoint(name, value, "videossr") for name, value in points.items())


@pytest.fixture
def modifier(registry: Registry) -> Callable[..., Modifier]:
    """A modifier with settings."""

    def make(name: str, /, **settings: Any) -> Modifier:  # noqa: ANN401 - as from YAML
        return registry.modifier(name, registry.schema(name)(**settings))

    return make


@pytest.fixture
def task(registry: Registry) -> Callable[..., Task]:
    """The toy with a modifier around it."""

    def make(modifier: Modifier, /, **settings: Any) -> Task:  # noqa: ANN401 - as from YAML
        return registry.task("toy", Settings(**settings), modifiers=[modifier])

    return make


@pytest.fixture
def shift(registry: Registry) -> Callable[..., Perturbation]:
    """The perturbation with a modifier around it."""

    def make(modifier: Modifier, /, **settings: Any) -> Perturbation:  # noqa: ANN401 - as from YAML
        return registry.perturbation("shift", Settings(**settings), modifiers=[modifier])

    return make


def clip_of(frames: int = 4) -> Clip:
    """Black frames."""
    pixels = torch.zeros(frames, 3, 4, 4, dtype=torch.uint8)
    return Clip(pixels, torch.arange(frames, dtype=torch.float64))


#: Those that are there to alter samples.
PREPARING = {"augment", "drift", "fade"}

MODIFY = pytest.mark.parametrize("name", NAMES)


@MODIFY
def test_every_modifier_works(name: str, registry: Registry) -> None:
    """It describes itself, and refuses unknown settings."""
    origin = registry.origin(name)
    assert ("enabled", "modifier", ("make_modifier",)) == (origin.state, origin.kind, origin.hooks)
    with pytest.raises(ValidationError, match="Extra inputs"):
        registry.schema(name)(surprise=1)
    assert all(field.description for field in registry.schema(name).model_fields.values())


@MODIFY
def test_every_modifier_leaves_outcomes_alone(
    name: str, modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """An answer without form stays one, and so does a clip that will not do."""
    modified = task(modifier(name))
    score = modified.score("?", "1", {})
    assert (False, "must say something") == (score.parsed, score.reason)
    with pytest.raises(Unsuitable, match="too short"):
        modified.make_sample(clip_of(1), difficulty=0, rng=rng_for(0))


@pytest.mark.parametrize("name", sorted({*NAMES} - PREPARING))
def test_every_other_modifier_leaves_samples_alone(
    name: str, modifier: Callable[..., Modifier], task: Callable[..., Task], registry: Registry
) -> None:
    """Rendered with it or without, the same bytes, and the dice as far on."""
    plain, modified = registry.task("toy", Settings()), task(modifier(name))
    dice = rng_for(1), rng_for(1)
    samples = [
        one.make_sample(clip_of(), difficulty=0, rng=rng)
        for one, rng in zip((plain, modified), dice, strict=True)
    ]
    assert samples[0].digest() == samples[1].digest()
    assert dice[0].random() == dice[1].random()


# Clips as a task sees them


def seen(
    prepared: Modifier, task: Callable[..., Task], clip: Clip, seed: int, level: float
) -> Tensor:
    """The frames of the toy's sample, which are those that it was given."""
    sample = task(prepared).make_sample(clip, difficulty=level, rng=rng_for(seed))
    return sample.clips[0].frames


def picture(height: int = 12, width: int = 10, frames: int = 4) -> Clip:
    """Noise of low contrast, each frame another, before a still pattern of high contrast."""
    dice = torch.Generator().manual_seed(height * width)
    still = torch.randint(40, 216, (1, 3, height, width), generator=dice)
    moving = torch.randint(-8, 9, (frames, 3, height, width), generator=dice)
    return Clip((still + moving).byte(), torch.arange(frames, dtype=torch.float64))


AS_IT_IS = {"crop": 1.0, "mirror": 0.0}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, lambda frames: frames),
        ({"mirror": 1.0}, lambda frames: frames.flip(3)),
        ({"flip": 1.0}, lambda frames: frames.flip(2)),
        ({"mirror": 1.0, "flip": 1.0}, lambda frames: frames.flip(2, 3)),
        ({"invert": 1.0}, lambda frames: 255 - frames),
    ],
)
def test_augment_turns_and_inverts(
    settings: dict[str, float],
    expected: Callable[[Tensor], Tensor],
    modifier: Callable[..., Modifier],
    task: Callable[..., Task],
) -> None:
    """Exactly, every pixel."""
    augment = modifier("augment", **{**AS_IT_IS, **settings})
    clip = picture()
    assert seen(augment, task, clip, 3, 0.5).equal(expected(clip.frames))


def test_augment_exchanges_channels(
    modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """All six orders come, and a channel stays what it was."""
    augment = modifier("augment", **AS_IT_IS, swap_channels=True)
    clip = picture()
    orders = set()
    for seed in range(60):
        frames = seen(augment, task, clip, seed, 0.5)
        order = [
            next(old for old in range(3) if frames[:, new].equal(clip.frames[:, old]))
            for new in range(3)
        ]
        orders.add(tuple(order))
    assert len(orders) == 6


def test_augment_crops(modifier: Callable[..., Modifier], task: Callable[..., Task]) -> None:
    """A part as large as was allowed, from anywhere, the same of all frames; never more than there is."""
    height, width = 40, 60
    ramp = torch.arange(width).expand(3, 3, height, width) * 4
    clip = Clip(ramp.byte(), torch.arange(3, dtype=torch.float64))
    augment = modifier("augment", crop=0.5, mirror=0.0)
    first, last = set(), set()
    for seed in range(200):
        frames = seen(augment, task, clip, seed, 0.5)
        assert frames.shape == clip.frames.shape
        assert frames[0].equal(frames[2])
        first.add(int(frames[0, 0, 0, 0]) // 4)
        last.add(int(frames[0, 0, 0, -1]) // 4)
    assert {0, 59} <= first | last
    assert 25 <= max(first) <= 30
    assert 29 <= min(last) <= 34


@given(
    seed=st.integers(0, 2**32),
    contrast=st.floats(0, 0.99),
    brightness=st.floats(0, 255),
    crop=st.floats(0.01, 1),
)
def test_augment_alters_every_piece_alike(
    seed: int, contrast: float, brightness: float, crop: float
) -> None:
    """A frame comes out the same whatever frames stand beside it: of the clip, or of footage."""
    wrappers = augmentation(crop, contrast, brightness)
    clip = picture(frames=6)
    part = Clip(clip.frames[2:4], clip.times[2:4])
    whole_clip, piece = (prepared(wrappers, one, seed) for one in (clip, part))
    assert piece.frames.equal(whole_clip.frames[2:4])
    assert piece.times.equal(part.times)


def augmentation(crop: float, contrast: float, brightness: float) -> Any:  # noqa: ANN401 - a modifier's own
    """What `augment` makes with all that it can do."""
    from videossr_modifiers.augment import AugmentConfig, plugin  # noqa: PLC0415 - imports stay light

    config = AugmentConfig(
        crop=crop,
        flip=0.5,
        swap_channels=True,
        invert=0.5,
        contrast=contrast,
        brightness=brightness,
    )
    return plugin.make_modifier(config)


def prepared(wrappers: Any, clip: Clip, seed: int, **others: Any) -> Clip:  # noqa: ANN401 - a modifier's own
    """A clip as the wrapper of `prepare_clip` returns it."""
    wrapper = wrappers.prepare_clip(rng=rng_for(seed), **others)
    next(wrapper)
    with pytest.raises(StopIteration) as ended:
        wrapper.send(clip)
    return ended.value.value  # type: ignore[no-any-return]


def standing(frames: int = 4) -> Clip:
    """A still pattern of high contrast."""
    still = picture(frames=1).frames.expand(frames, -1, -1, -1).clone()
    return Clip(still, torch.arange(frames, dtype=torch.float64))


def test_fade_gives_back_what_moves_and_then_what_stands_still(
    modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """Grey when easy; three times what moves, about grey, at `train`; all of it when hard."""
    clip = picture(frames=8)
    fade = modifier("fade", spread=0.0)
    assert (seen(fade, task, clip, 1, 0.0) == 128).all()
    moving = clip.frames.int() - clip.frames.float().mean(0)
    assert (seen(fade, task, clip, 1, 0.5).int() - 128 - 3 * moving).abs().max() < 3
    assert seen(fade, task, clip, 1, 1.0).equal(clip.frames)


def test_fade_takes_half(modifier: Callable[..., Modifier], task: Callable[..., Task]) -> None:
    """A clip that stands still keeps half its contrast, and none of it is lost to what moves."""
    clip = standing()
    half = seen(modifier("fade", still=0.5, spread=0.0), task, clip, 1, 0.0)
    assert (half.float() - 128 - (clip.frames.float() - 128) / 2).abs().max() <= 1


@pytest.mark.parametrize("name", ["fade", "drift"])
def test_some_clips_are_altered_as_easier_ones(
    name: str, modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """At difficulty 1 half of them not at all, the others by any amount; at 0 all by the full one."""
    settings = {"still": Ramp.between(0, 1)} if name == "fade" else {"amount": Ramp.between(40, 0)}
    clip = standing(8) if name == "fade" else grey_clip()
    kept = [
        [
            seen(modifier(name, spread=0.5, **settings), task, clip, seed, level)
            for seed in range(60)
        ]
        for level in (1.0, 0.0)
    ]
    assert 15 <= sum(frames.equal(clip.frames) for frames in kept[0]) <= 45
    assert not any(frames.equal(clip.frames) for frames in kept[1])
    if name == "fade":
        assert all((frames == 128).all() for frames in kept[1])


def grey_clip() -> Clip:
    """A second and a half of grey."""
    frames = torch.full((12, 3, 4, 4), 128, dtype=torch.uint8)
    return Clip(frames, torch.arange(12, dtype=torch.float64) / 8)


def test_drift_is_as_large_as_it_says(
    modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """In standard deviations, in every clip; nothing at the hardest; one shift for all pixels of a channel."""
    drift = modifier("drift", amount=Ramp.between(20, 0), spread=0.0)
    clip = grey_clip()
    shifts = torch.stack([seen(drift, task, clip, seed, 0.0) for seed in range(20)]).int() - 128
    assert (shifts == shifts[..., :1, :1]).all()
    levels = shifts[..., 0, 0].double()
    assert levels.mean(1).abs().max() < 0.5
    assert (levels.std(1, unbiased=False) - 20).abs().max() < 0.5
    assert seen(drift, task, clip, 0, 1.0).equal(clip.frames)


def test_one_frame_has_nowhere_to_drift() -> None:
    """Its light is the mean."""
    from videossr_modifiers.drift import DriftConfig, plugin  # noqa: PLC0415 - imports stay light

    clip = Clip(grey_clip().frames[:1], grey_clip().times[:1])
    wrappers = plugin.make_modifier(DriftConfig(spread=0.0))
    assert prepared(wrappers, clip, 0, difficulty=0.0).frames.equal(clip.frames)


def test_drift_is_nearer_the_nearer_in_time(
    modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """As a random walk's: the mean square between two frames grows with the time between them."""
    drift = modifier("drift", amount=20, spread=0.0)
    shifts = torch.stack([seen(drift, task, grey_clip(), seed, 0.5) for seed in range(150)])
    levels = shifts.float()[:, :, :, 0, 0]
    apart = [(levels[:, gap:] - levels[:, :-gap]).square().mean() for gap in (1, 3, 6)]
    assert apart[0] < apart[1] / 2
    assert apart[1] < apart[2]
    assert apart[0] > 1


def test_drift_follows_the_clock_of_the_video() -> None:
    """A piece at other times wanders as the light does at those times, about a mean of its own."""
    from videossr_modifiers.drift import DriftConfig, plugin  # noqa: PLC0415 - imports stay light

    wrappers = plugin.make_modifier(DriftConfig(spread=0.0))
    clip = grey_clip()
    part = Clip(clip.frames[3:9], clip.times[3:9])
    whole_clip, piece = (prepared(wrappers, one, 5, difficulty=0.0) for one in (clip, part))
    there, here = (one.frames[:, 0, 0, 0].double() for one in (whole_clip, piece))
    assert torch.corrcoef(torch.stack([there[3:9], here]))[0, 1] > 0.99


# Strict reward


@pytest.mark.parametrize(("score", "expected"), [(1.0, 1.0), (1, 1.0), (0.999, 0.0), (0, 0.0)])
def test_strict_is_all_or_nothing(
    score: float, expected: float, modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """Nothing but an exact 1 is right."""
    graded = task(modifier("strict_reward"), value=score).score("x", "1", {})
    assert (expected, True) == (graded.value, graded.parsed)


@pytest.mark.parametrize("score", [math.nan, 2.0, -1, "1", None, True])
def test_strict_turns_no_bug_into_a_score(
    score: object, modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """The task is blamed, as without it."""
    with pytest.raises(PluginError, match=r"plugin 'toy' .* must return a number in \[0, 1\]"):
        task(modifier("strict_reward"), value=score).score("x", "1", {})


# Reward range


def guarded(score: object, **settings: float) -> tuple[float, float]:
    """What the guard makes of a score, and how many it has put right."""
    points = [
        EntryPoint("toy", "toys_to_modify:toy", "videossr"),
        EntryPoint("reward_range", "videossr_modifiers.reward_range:plugin", "videossr"),
    ]
    registry = Registry(points)
    guard = registry.modifier("reward_range", registry.schema("reward_range")(**settings))
    value = registry.task("toy", Settings(value=score), modifiers=[guard]).score("x", "1", {}).value
    return value, guard.measurements()["corrected"]


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.3, (0.3, 0)), (1, (1.0, 0)), (1 + 1e-9, (1.0, 1)), (-1e-9, (0.0, 1)), (0.0, (0.0, 0))],
)
def test_the_guard_puts_rounding_right(score: float, expected: tuple[float, float]) -> None:
    """And counts it."""
    assert expected == guarded(score)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("score", [1.1, -0.1, math.nan, math.inf, "1", None, True])
def test_the_guard_refuses_the_rest(score: object) -> None:
    """The task is named."""
    with pytest.raises(PluginError, match=r"plugin 'toy' .*must return a number in \[0, 1\]"):
        guarded(score)


@pytest.mark.usefixtures("registry")
def test_the_guard_may_be_narrower() -> None:
    """By hand: 0.2 is not in [0.5, 1]."""
    assert (0.6, 0) == guarded(0.6, least=0.5)
    with pytest.raises(PluginError, match=r"returned 0.2; must return a number in \[0.5, 1\]"):
        guarded(0.2, least=0.5)
    with pytest.raises(ValidationError, match=r"greatest 0\.2 is less than least 0\.5"):
        guarded(0.2, least=0.5, greatest=0.2)


@pytest.mark.usefixtures("registry")
@given(score=st.floats(-0.01, 1.01))
def test_what_the_guard_lets_pass_is_in_the_range(score: float) -> None:
    """At any tolerance it never gives more than the range."""
    assert 0 <= guarded(score, tolerance=0.1)[0] <= 1


# Timing


def test_timing_counts_calls_and_seconds(
    modifier: Callable[..., Modifier],
    task: Callable[..., Task],
    shift: Callable[..., Perturbation],
) -> None:
    """Each plugin and hook for itself, outcomes included."""
    timing = modifier("timing")
    timed = task(timing)
    timed.score("x", "1", {})
    timed.score("?", "1", {})
    timed.make_sample(clip_of(), difficulty=0, rng=rng_for(0))
    timed.schedule(0.5)
    shift(timing).apply(clip_of(), rng=rng_for(0))
    figures = timing.measurements()
    calls = {name: figure for name, figure in figures.items() if name.endswith(".calls")}
    assert {
        "shift.perturb.calls": 1,
        "toy.difficulty_schedule.calls": 1,
        "toy.make_sample.calls": 1,
        "toy.reward.calls": 2,
    } == calls
    assert 0 < figures["toy.reward.slowest"] <= figures["toy.reward.seconds"]


def test_timing_measures_what_it_is_told_to(
    modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """One hook and no other."""
    timing = modifier("timing", hooks=["reward"])
    timed = task(timing)
    timed.score("x", "1", {})
    timed.schedule(0.5)
    assert {"toy.reward"} == {name.rpartition(".")[0] for name in timing.measurements()}


# Determinism audit

ACTS: dict[str, Callable[[Any], object]] = {
    "make_sample": lambda one: one.make_sample(clip_of(), difficulty=0, rng=rng_for(0)),
    "reward": lambda one: one.score("x", "1", {}),
    "difficulty_schedule": lambda one: one.schedule(0.5),
    "perturb": lambda one: one.apply(clip_of(), rng=rng_for(0)),
}


@pytest.mark.parametrize("hook", ACTS)
def test_the_audit_finds_what_wavers(
    hook: str,
    modifier: Callable[..., Modifier],
    task: Callable[..., Task],
    shift: Callable[..., Perturbation],
) -> None:
    """A plugin that keeps something between calls is named, with both results; a sound one is not."""
    make = shift if hook == "perturb" else task
    audit = modifier("determinism_audit")
    ACTS[hook](make(audit))
    assert {"audited": 1} == audit.measurements()
    name = "shift" if hook == "perturb" else "toy"
    with pytest.raises(PluginError, match=rf"plugin '{name}' .*'{hook}'.* gave .*, and .* again"):
        ACTS[hook](make(modifier("determinism_audit"), wavering=True))


def test_the_audit_may_take_a_share(
    modifier: Callable[..., Modifier], task: Callable[..., Task]
) -> None:
    """About that many calls, and the same ones each time."""
    counts = []
    for _ in range(2):
        audit = modifier("determinism_audit", share=0.25)
        audited = task(audit)
        for number in range(400):
            audited.score(f"x{number}", "1", {})
        counts.append(audit.measurements()["audited"])
    assert counts[0] == counts[1]
    assert 70 < counts[0] < 130
