"""Checks of perturbations."""

from __future__ import annotations

from contextlib import suppress
from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.change import VISIBLE
from videossr.errors import PluginError, Unsuitable
from videossr.testing.check import BrokenRule, Check, Hopeless
from videossr.testing.clips import CLIPS, IN_WORDS, textured
from videossr.testing.digests import alteration, digests_elsewhere, digests_of
from videossr.testing.subject import alter

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.testing.subject import Subject

_SEEDS: Final = range(2 * CLIPS)

#: Frames, height and width: one frame, odd sides, wide and tall.
_SIZES: Final = ((1, 64, 64), (7, 33, 47), (4, 31, 64), (3, 90, 41), (2, 8, 8))

#: Grey levels of 255 by which a perturbed frame differs at least, on average over its pixels.
_VISIBLE: Final = 3.0


def source_untouched(subject: Subject) -> str:
    """`perturb` leaves the clip as it was, frames and times, even where torch would not notice."""
    for seed in _SEEDS:
        clip, untouched, fault = textured(seed % CLIPS), textured(seed % CLIPS), ""
        try:
            alter(subject.perturbation, clip, seed)
        except Unsuitable:
            pass
        except PluginError as error:
            fault = str(error)
        if clip != untouched:
            wrote = "its times" if clip.frames.equal(untouched.frames) else "its frames"
            broken = Hopeless if fault else BrokenRule
            raise broken(f"with seed {seed} it wrote to the clip, {wrote}; must work on a copy")
    return ""


def keeps_shape_and_dtype(subject: Subject) -> str:
    """Frames come back as uint8 of the shape in which they came, whatever the size."""
    try:
        _altered(subject, 0)
    except PluginError as error:
        raise Hopeless(str(error)) from error
    except Unsuitable as reason:
        right = f"must alter a clip such as this; there are {IN_WORDS}"
        raise Hopeless(f"the kit's clip is unsuitable: {reason}; {right}") from reason
    for frames, height, width in _SIZES:
        for number in range(CLIPS):
            # another shape or dtype is refused by whoever calls a perturbation
            with suppress(Unsuitable):
                alter(subject.perturbation, textured(number, frames, height, width), number)
    return ""


def same_seed_same_pixels(subject: Subject) -> str:
    """The same clip, settings and seed make the same pixels."""
    for seed in _SEEDS:
        first, second = (
            alteration(subject.perturbation, textured(seed % CLIPS), seed) for _ in range(2)
        )
        if first != second:
            right = "must draw from `rng` alone and keep nothing between calls"
            raise BrokenRule(f"with seed {seed} a second call made other pixels; {right}")
    return ""


def same_pixels_in_another_process(subject: Subject) -> str:
    """Another process makes the same pixels."""
    if digests_of(subject) != digests_elsewhere(subject):
        right = "must not depend on hash(), the order of a set, the time or the environment"
        raise BrokenRule(f"another process made other pixels; {right}")
    return ""


def different_seeds_differ(subject: Subject) -> str:
    """Seeds make different pixels of one clip, of a perturbation that takes `rng`."""
    if not subject.perturbation.hooks.takes("perturb", "rng"):
        return "draws nothing"
    made = {alteration(subject.perturbation, textured(0), seed, 0) for seed in range(16)}
    if len(made) == 1:
        right = "must draw something from `rng` with the settings of its example, or not take it"
        raise BrokenRule(f"16 seeds made the same pixels; {right}")
    return ""


def change_is_visible(subject: Subject) -> str:
    """Of a textured clip, some frame changes by 3 grey levels of 255, on average over its pixels."""
    changes = []
    for seed in _SEEDS:
        try:
            before, after = textured(seed % CLIPS).frames.int(), _altered(subject, seed).int()
        except Unsuitable:
            continue
        # By frames, since one that freezes or reorders them leaves some as they were.
        changes.append(float((after - before).abs().flatten(1).double().mean(1).max()))
    mean = fmean(changes)
    if mean < _VISIBLE:
        right = f"must be {_VISIBLE:g} or more with the settings of its example"
        raise BrokenRule(f"the frames that change most change by {mean:.2f} levels; {right}")
    return f"{mean:.1f} grey levels"


def says_what_changes(subject: Subject) -> str:
    """`phrase`, where there is one, completes "part of this video is ..." in one line, without a full stop."""
    if not hasattr(subject.plugin, "phrase"):
        return "has no `phrase`: a prompt would say its summary"
    phrase = subject.perturbation.phrase
    if not phrase.strip() or len(phrase.splitlines()) > 1 or phrase.rstrip().endswith("."):
        raise BrokenRule(f"phrase is {phrase!r}; must complete 'part of this video is ...'")
    return phrase


def involution_holds(subject: Subject) -> str:
    """One that declares `involution` gives every segment back when applied twice, others don't."""
    returned = []
    for seed in _SEEDS:
        clip = textured(seed % CLIPS)
        try:
            # cloned, since one that returns the same memory each time is told elsewhere
            once = clip.with_frames(alter(subject.perturbation, clip, seed).clone())
            twice = alter(subject.perturbation, once, seed)
        except Unsuitable:
            continue
        returned.append(twice.equal(textured(seed % CLIPS).frames))
    if subject.perturbation.involution and not all(returned):
        right = "must give the frames back to the bit, or not say so"
        raise BrokenRule(f"`involution` is declared, and applied twice it does not; {right}")
    if returned and all(returned) and not subject.perturbation.involution:
        right = "must say so by `involution = True`"
        raise BrokenRule(f"applied twice it gives the frames back; {right}")
    return "an involution" if subject.perturbation.involution else ""


def visible_tells(subject: Subject) -> str:
    """`visible`, where there is one, finds some alteration visible, and none where nothing has changed."""
    if not subject.perturbation.hooks.implements("visible"):
        return f"has no `visible`: {VISIBLE:g} grey levels are"
    seen = []
    for seed in _SEEDS:
        clip = textured(seed % CLIPS)
        if subject.perturbation.visible(clip, clip.frames):
            raise BrokenRule("frames that have not changed count as visibly altered; must not")
        with suppress(Unsuitable):
            after = alter(subject.perturbation, clip, seed)
            seen.append(subject.perturbation.visible(clip, after))
    if not any(seen):
        right = "must be visible somewhere with the settings of its example"
        raise BrokenRule(f"of {len(seen)} textured clips it is visible on none; {right}")
    return f"on {sum(seen)} of {len(seen)} clips"


def own_memory(subject: Subject) -> str:
    """Altered frames are in memory of their own: not the clip's, nor that of the call before."""
    clip = textured(0)
    first, second = (alter(subject.perturbation, clip, 0) for _ in range(2))
    right = "must return a tensor of its own, `.clone()` if need be"
    if _memory(first) == _memory(clip.frames):
        raise BrokenRule(f"what it returned is a view of the clip; {right}")
    if _memory(first) == _memory(second):
        raise BrokenRule(f"two calls returned the same memory; {right}")
    return ""


CHECKS: Final = (
    Check.of(source_untouched, gate=True),
    Check.of(keeps_shape_and_dtype, gate=True),
    Check.of(same_seed_same_pixels),
    Check.of(same_pixels_in_another_process),
    Check.of(different_seeds_differ),
    Check.of(change_is_visible),
    Check.of(visible_tells),
    Check.of(involution_holds),
    Check.of(says_what_changes),
    Check.of(own_memory),
)


def _altered(subject: Subject, seed: int) -> Tensor:
    return alter(subject.perturbation, textured(seed % CLIPS), seed)


def _memory(frames: Tensor) -> int:
    return frames.untyped_storage().data_ptr()
