"""The hooks. A plugin implements those it has something to say to, and takes the arguments it needs.

A task implements `make_sample` and `reward`, and may implement `difficulty_schedule`. A perturbation
implements `perturb` and may implement `visible`, a modifier `make_modifier`. A package that adds commands, sections of the
configuration, presets or checks of the machine implements the `register_*` hooks behind an entry point of
the group `videossr.commands`.

Every hook of a task or a perturbation may take `call`, a `videossr.HookCall`, besides what is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videossr._hooks import hookspec

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import typer
    from pydantic import BaseModel
    from torch import Tensor

    from videossr.calls import HookCall
    from videossr.clip import Clip
    from videossr.finding import Finding
    from videossr.footage import Footage
    from videossr.sample import Sample
    from videossr.schedules import Seen


@hookspec(firstresult=True)
def make_sample(  # type: ignore[empty-body]
    clip: Clip,
    config: BaseModel,
    difficulty: float,
    rng: random.Random,
    footage: Footage,
    call: HookCall,
) -> Sample:
    """Make one question from a clip.

    Called once for each recipe whenever it is rendered, in any process. The same arguments must give
    the same sample to the bit, so `rng` is the only source of chance.

    Args:
        clip: frames uint8 [T, 3, H, W] and their presentation times in seconds. Not to be written to.
        config: an instance of the plugin's own `Config`.
        difficulty: from 0 (easy) to 1 (hard).
        rng: seeded from the recipe.
        footage: frames of the video at other times, and of another video. Perturbations that are
            applied in here get it by themselves.
        call: which plugin is called, and for which video and seed.

    Returns:
        The question, with the answer that the reward scores 1.0.

    Raises:
        videossr.Unsuitable: this clip cannot carry a question of this kind (too short, say). The
            build counts the reason and takes another video.
    """


@hookspec(firstresult=True)
def difficulty_schedule(
    config: BaseModel, progress: float, seen: Seen | None, call: HookCall
) -> float | None:
    """Say how hard the next question is to be.

    Called when recipes are built, and after every step of a training whose difficulty follows the
    rewards. A task that does not implement it gets the schedule that its entry in the configuration
    names. The same arguments must give the same difficulty.

    Args:
        config: an instance of the plugin's own `Config`.
        progress: the share of this task's questions before this one, in [0, 1); in training, the
            share of the steps done.
        seen: the present difficulty, and the groups of answers seen since it last changed; None in a
            build and at the start of a training.
        call: which plugin is called.

    Returns:
        Difficulty in [0, 1]; or None, which leaves it to the schedule in the configuration.
    """


@hookspec(firstresult=True)
def reward(  # type: ignore[empty-body]
    completion: str, answer: str, target: Mapping[str, Any], config: BaseModel, call: HookCall
) -> float:
    """Grade an answer.

    Called for every completion of every rollout, so it has to be quick and must not look at pixels.

    Args:
        completion: what the model says: special tokens, thoughts up to `</think>` and a pair of
            `<answer>` tags taken off. Any text at all.
        answer: the sample's own answer.
        target: the sample's own target.
        config: an instance of the plugin's own `Config`.
        call: which plugin is called, and for which video and seed.

    Returns:
        A score in [0, 1], smooth: near misses score near 1. Exactly 1.0 for the true answer.

    Raises:
        videossr.Unparsable: the completion does not have the form of an answer. It scores 0 and is
            counted apart from wrong answers. Any other exception counts as a bug of the plugin.
    """


@hookspec(firstresult=True)
def perturb(  # type: ignore[empty-body]
    clip: Clip, config: BaseModel, rng: random.Random, footage: Footage, call: HookCall
) -> Tensor:
    """Alter the frames of a segment.

    The plugin gets the segment alone, so that it cannot touch a pixel outside of it.

    Args:
        clip: the segment, frames uint8 [t, 3, H, W] and their times. Not to be written to.
        config: an instance of the plugin's own `Config`.
        rng: seeded from the recipe. Draw once for the whole segment what is to hold for all of it.
        footage: frames of the video at other times, and of another video. Decoded when asked for.
        call: which plugin is called, and for which video and seed.

    Returns:
        The altered frames, uint8 of the same shape, in a tensor of their own.

    Raises:
        videossr.Unsuitable: this segment cannot be altered so (there is no other video, say).
    """


@hookspec(firstresult=True)
def visible(before: Clip, after: Tensor, config: BaseModel, call: HookCall) -> bool | None:
    """Say whether an alteration can be seen.

    Called by tasks that ask about an alteration, since nobody can answer for one that cannot be seen.
    A perturbation that does not implement it is visible where pixels change by 10 grey levels of 255
    on average. The same arguments must give the same answer on every machine: compare sums of whole
    numbers.

    Args:
        before: the segment as it was, frames uint8 [t, 3, H, W] and their times.
        after: what `perturb` made of it, uint8 of the same shape. Neither is to be written to.
        config: an instance of the plugin's own `Config`.
        call: which plugin is called, and for which video and seed.

    Returns:
        Whether a viewer who looks at it closely sees that it is altered; or None, which leaves it to
        the 10 grey levels.
    """


@hookspec(firstresult=True)
def make_modifier(config: BaseModel) -> object:
    """Make the wrappers that act around the hooks of tasks and perturbations.

    Called once for each run that switches the modifier on, so that whatever they gather belongs to
    that run.

    Args:
        config: an instance of the plugin's own `Config`.

    Returns:
        An object with methods that are marked `@hookimpl(wrapper=True)`, named like the hooks that
        they wrap and taking any of their arguments; each calls the hook by `yield` and returns the
        result. It may have a method `measurements` that returns a dict of finite numbers to log.
    """


@hookspec(firstresult=True)
def prepare_clip(clip: Clip, difficulty: float, rng: random.Random, call: HookCall) -> Clip:  # type: ignore[empty-body]
    """Say what a task gets to see of its video. Modifiers wrap it; the core answers: the clip as it is.

    Called before `make_sample`, so that what is altered in here, by a crop or other colours, is what the
    question is about, and its answer holds. It is called for the clip, and for every piece of footage of the
    same question, each time with the same chance: draw the same numbers whatever the clip, and all
    pieces are altered alike.

    Args:
        clip: frames uint8 [T, 3, H, W] and their presentation times in seconds. Not to be written to.
        difficulty: of the question, from 0 (easy) to 1 (hard).
        rng: seeded from the recipe, and of its own.
        call: which task is called, and for which video and seed.

    Returns:
        A clip of the same shape and times.

    Raises:
        videossr.Unsuitable: as in `make_sample`.
    """


@hookspec
def register_commands(app: typer.Typer) -> None:
    """Add commands to `videossr`.

    Called once at the start of every command, so import what is heavy inside the commands.
    """


@hookspec
def register_sections() -> Mapping[str, type[BaseModel]]:  # type: ignore[empty-body]
    """Name the sections of the run configuration that this package reads, each with its schema."""


@hookspec
def register_presets() -> Path:  # type: ignore[empty-body]
    """Name a folder of YAML files; each is a preset, called by the file's stem."""


@hookspec
def register_checks() -> Mapping[str, Callable[[], Finding]]:  # type: ignore[empty-body]
    """Name checks of the machine that `videossr doctor` is to make.

    Each says what it measured, whether that will do, and what to do otherwise. What one raises is
    reported as a fault, or, if it is `videossr.finding.NotPossible`, as skipped.
    """
