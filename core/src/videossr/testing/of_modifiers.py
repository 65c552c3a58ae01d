"""Checks of modifiers, tried around the kit's own task and perturbation."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from videossr.errors import PluginError, Unsuitable
from videossr.testing.check import BrokenRule, Check, Hopeless
from videossr.testing.clips import CLIPS, textured
from videossr.testing.digests import digests_elsewhere, digests_of
from videossr.testing.settings import TASK, own_plugins
from videossr.testing.subject import Draw, alter, make, outcome
from videossr.testing.toys import LEAST_FRAMES

if TYPE_CHECKING:
    from videossr.clip import Clip
    from videossr.facades import Task
    from videossr.testing.subject import Subject

#: Stated to the kit's task, from right to far off.
_ANSWERS: Final = ("6.00", "6.10", "6.5", "8.00", "999999")
_TRUE: Final = "6.00"

_UNREADABLE: Final = ("", "six", "6.00 s or so")


def wraps_something(subject: Subject) -> str:
    """`make_modifier` makes wrappers that fit the hooks they wrap, new ones for each run."""
    try:
        first, second = subject.modifier(), subject.modifier()
    except PluginError as error:
        raise Hopeless(str(error)) from error
    if first.wrappers is second.wrappers:
        right = "must make a new object, so that what it gathers belongs to one run"
        raise BrokenRule(f"two runs got the same object; {right}")
    return ""


def keeps_scores_in_range(subject: Subject) -> str:
    """Rewards stay in [0, 1], and the same answer scores the same every time."""
    task, _ = subject.modified()
    for answer in _ANSWERS:
        # a score out of range is refused by whoever calls a reward
        first, second = (task.score(answer, _TRUE, {}, "kit's question") for _ in range(2))
        if first != second:
            found = f"{first.value:g} and then {second.value:g}"
            raise BrokenRule(f"answer {answer!r} to {_TRUE!r} scores {found}; must stay")
    return ""


def keeps_outcomes(subject: Subject) -> str:
    """`Unsuitable` and `Unparsable` pass through as they are, reasons included."""
    task, _ = subject.modified()
    plain = _plain()
    for completion in _UNREADABLE:
        right, found = (one.score(completion, _TRUE, {}, "kit's question") for one in (plain, task))
        if found != right:
            said = f"scores {found.value:g}" if found.parsed else f"is unparsable: {found.reason}"
            problem = f"an answer that is unparsable ({right.reason}) {said}"
            raise BrokenRule(f"{problem}; must raise Unparsable as it came")
    short = textured(0, LEAST_FRAMES - 1)
    wanted, got = _refusal(plain, short), _refusal(task, short)
    if got != wanted:
        problem = f"a clip that is unsuitable ({wanted}) {got or 'makes a sample'}"
        raise BrokenRule(f"{problem}; must raise Unsuitable as it came")
    return ""


def keeps_difficulty_in_range(subject: Subject) -> str:
    """The difficulty that a schedule gives stays in [0, 1]."""
    task, _ = subject.modified()
    for step in range(101):
        task.schedule(min(step / 100, 0.999))  # refuses one out of range
    return ""


def keeps_samples_deterministic(subject: Subject) -> str:
    """The same seed makes the same sample and the same pixels, in one run and in another."""
    (task, altering), (other_task, other_altering) = subject.modified(), subject.modified()
    right = "must draw from a copy of `rng` if at all, and keep nothing that decides a sample"
    for seed in range(2 * CLIPS):
        draw = Draw(seed % CLIPS, 0.5, seed)
        if len({outcome(task, draw), outcome(task, draw), outcome(other_task, draw)}) > 1:
            raise BrokenRule(f"on {draw} a second call made another sample; {right}")
        clip = textured(seed % CLIPS)
        first = alter(altering, clip, seed)
        for again in (altering, other_altering):
            if not first.equal(alter(again, clip, seed)):
                raise BrokenRule(f"with seed {seed} a second call made other pixels; {right}")
    return ""


def same_sample_in_another_process(subject: Subject) -> str:
    """Another process makes the same samples and pixels."""
    if digests_of(subject) != digests_elsewhere(subject):
        right = "must not depend on hash(), the order of a set, the time or the environment"
        raise BrokenRule(f"another process made others; {right}")
    return ""


def measurements_are_figures(subject: Subject) -> str:
    """`measurements`, where there is one, returns a dict of finite numbers, before and after calls."""
    own, modifier = own_plugins(), subject.modifier()
    if not hasattr(modifier.wrappers, "measurements"):
        return "measures nothing"
    modifier.measurements()
    task = own.task(TASK, own.schema(TASK)(), modifiers=(modifier,))
    with suppress(PluginError):  # of which other checks tell
        make(task, Draw(0, 0.5, 0))
        for answer in _ANSWERS + _UNREADABLE:
            task.score(answer, _TRUE, {}, "kit's question")
    return ", ".join(modifier.measurements())


CHECKS: Final = (
    Check.of(wraps_something, gate=True),
    Check.of(keeps_scores_in_range),
    Check.of(keeps_outcomes),
    Check.of(keeps_difficulty_in_range),
    Check.of(keeps_samples_deterministic),
    Check.of(same_sample_in_another_process),
    Check.of(measurements_are_figures),
)


def _plain() -> Task:
    own = own_plugins()
    return own.task(TASK, own.schema(TASK)())


def _refusal(task: Task, clip: Clip) -> str:
    """Why a task makes no sample of a clip; empty if it does."""
    try:
        make(task, Draw(0, 0.5, 0), clip=clip)
    except Unsuitable as reason:
        return str(reason)
    return ""
