"""What a task sees of a video where modifiers lie around `prepare_clip`: the clip, and footage to match."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videossr.calls import blame
from videossr.errors import Unsuitable
from videossr.footage import Footage
from videossr.seeds import derive_seed, rng_for

if TYPE_CHECKING:
    import random

    from videossr.calls import Hooks
    from videossr.clip import Clip
    from videossr.footage import Source


@dataclass(frozen=True, slots=True)
class Preparation:
    """What the modifiers make of every piece of video of one question, by the same chance.

    Attributes:
        hooks: of the task.
        difficulty: of the question.
        chance: a seed.
        context: which sample it is for, for an error to name.
    """

    hooks: Hooks
    difficulty: float
    chance: int
    context: str

    @classmethod
    def of(cls, hooks: Hooks, difficulty: float, rng: random.Random, context: str) -> Preparation:
        """By the chance of a question, `rng`, which is left where it is: the task draws what it ever drew."""
        chance = derive_seed("prepare_clip", int(copy(rng).random() * 2**53))
        return cls(hooks, difficulty, chance, context)

    def clip(self, clip: Clip) -> Clip:
        """A clip as the task is to see it.

        Raises:
            Unsuitable: it cannot be altered so.
            PluginError: a modifier raised, wrote to the clip, or returned another shape or other times.
        """
        before = writes(clip)
        found = self.hooks.call(
            "prepare_clip",
            self.context,
            Unsuitable,
            clip=clip,
            difficulty=self.difficulty,
            rng=rng_for(self.chance),
        )
        problem = _misfit(clip, found)
        if writes(clip) != before:
            problem = "wrote to the clip; must work on a copy"
        if problem:  # what came, came from the outermost, if it was not handed on
            *nearer, outermost = self.hooks.around("prepare_clip")
            if nearer:
                problem += (
                    f"; or {' or '.join(one.name for one in nearer)} nearer to the plugin did"
                )
            raise blame(outermost, "prepare_clip", problem, self.context)
        return found  # type: ignore[no-any-return] # just checked

    def footage(self, footage: Footage) -> Footage:
        """Footage whose frames are altered when they are asked for."""
        other = footage.other and _Prepared(footage.other, self)
        return Footage(_Prepared(footage.own, self), other)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A source of frames that come as a task is to see them."""

    source: Source
    preparation: Preparation

    @property
    def first(self) -> float:
        return self.source.first

    @property
    def last(self) -> float:
        return self.source.last

    def take(self, start: float, stop: float, frames: int) -> Clip:
        return self.preparation.clip(self.source.take(start, stop, frames))


def writes(clip: Clip) -> tuple[int, int]:
    """How often frames and times were written to in place, as far as torch counts it."""
    if clip.frames.is_inference() or clip.times.is_inference():  # for which it does not
        return 0, 0
    return clip.frames._version, clip.times._version  # noqa: SLF001


def _misfit(clip: Clip, found: Any) -> str:  # noqa: ANN401 - what a stranger returns
    """How what came is no clip like the one that went; or nothing."""
    from videossr.clip import Clip  # noqa: PLC0415 - needs torch; listing plugins doesn't

    if not isinstance(found, Clip):
        return f"returned {found!r}; must return a Clip"
    if found.frames.shape != clip.frames.shape:
        shapes = f"{list(found.frames.shape)}; must be {list(clip.frames.shape)}"
        return f"returned frames {shapes}, as they came"
    if not found.times.equal(clip.times):
        return "returned other times; must be those that came"
    return ""
