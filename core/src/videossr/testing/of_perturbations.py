"""Checks of perturbations."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.errors import PluginError
from videossr.testing.check import BrokenRule, Check, Hopeless
from videossr.testing.clips import CLIPS, textured
from videossr.testing.digests import digest_of, digests_elsewhere, digests_of
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
    for frames, height, width in _SIZES:
        for number in range(CLIPS):
            # another shape or dtype is refused by whoever calls a perturbation
            alter(subject.perturbation, textured(number, frames, height, width), number)
    return ""


def same_seed_same_pixels(subject: Subject) -> str:
    """The same clip, settings and seed make the same pixels."""
    for seed in _SEEDS:
        first, second = (digest_of(_altered(subject, seed), seed) for _ in range(2))
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
    made = {digest_of(alter(subject.perturbation, textured(0), seed), 0) for seed in range(16)}
    if len(made) == 1:
        right = "must draw something from `rng` with the settings of its example, or not take it"
        raise BrokenRule(f"16 seeds made the same pixels; {right}")
    return ""


def change_is_visible(subject: Subject) -> str:
    """Of a textured clip, some frame changes by 3 grey levels of 255, on average over its pixels."""
    changes = []
    for seed in _SEEDS:
        before, after = textured(seed % CLIPS).frames.int(), _altered(subject, seed).int()
        # By frames, since one that freezes or reorders them leaves some as they were.
        changes.append(float((after - before).abs().flatten(1).double().mean(1).max()))
    mean = fmean(changes)
    if mean < _VISIBLE:
        right = f"must be {_VISIBLE:g} or more with the settings of its example"
        raise BrokenRule(f"the frames that change most change by {mean:.2f} levels; {right}")
    return f"{mean:.1f} grey levels"


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
    Check.of(own_memory),
)


def _altered(subject: Subject, seed: int) -> Tensor:
    return alter(subject.perturbation, textured(seed % CLIPS), seed)


def _memory(frames: Tensor) -> int:
    return frames.untyped_storage().data_ptr()
