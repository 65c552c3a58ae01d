"""What the figures advise, in words, each with the numbers that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from videossr_trainers.pages import ends, percent, score

if TYPE_CHECKING:
    from videossr_trainers.diagnosis.groups import Slice

#: Questions with fewer than these say too little for advice.
FEWEST: Final = 8

_MANY: Final = 0.5
_UNREAD: Final = 0.2
_BOTH_ENDS: Final = 0.6
_EACH_END: Final = 0.15
_BEYOND_CHANCE: Final = 0.2
_SUSPECT: Final = 0.02
_SMOOTHER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding.

    Attributes:
        what: it in a few words, such as `too easy`.
        about: which questions.
        do: what to do about it.
        because: the numbers that led to it.
        fine: whether it says that nothing is wrong.
    """

    what: str
    about: str
    do: str
    because: str
    fine: bool = False


def advise(some: Slice) -> list[Advice]:
    """What a slice's figures advise, the most urgent first; one piece at least."""
    count = len(some.groups)
    if count < FEWEST:
        do = f"Ask at least {FEWEST} before drawing conclusions."
        return [Advice("too few questions", some.name, do, f"{count} questions.")]
    too_hard = _too_hard(some)
    found = [
        advice
        for advice in (
            _unread(some),
            _habit(some),
            _suspects(some),
            _too_easy(some),
            too_hard or _blind(some),
            _bimodal(some),
            _smoother(some),
        )
        if advice
    ]
    if found and not all(advice.fine for advice in found):
        return found
    because = (
        f"{percent(1 - some.flat)} of questions have answers that earn differently under the smooth "
        f"reward, {percent(1 - some.strictly_flat)} under the strict one."
    )
    do = "Most questions teach something. Train."
    if some.flat >= _MANY:
        do = "Less than half of the questions teach anything; sample more answers, or other levels."
    return [*found, Advice("in range", some.name, do, because, fine=some.flat < _MANY)]


def _unread(some: Slice) -> Advice | None:
    if some.unread < _UNREAD:
        return None
    because = f"{percent(some.unread)} of the answers have not the form of one."
    do = "Teach the form first, by a warm start on right answers, before any other figure counts."
    if some.cut_off >= some.unread / 2:
        because += f" {percent(some.cut_off)} took up all their tokens."
        do = "Give answers more room by --max-new-tokens, or ask for shorter ones."
    return Advice("parse failures dominate", some.name, do, because)


def _habit(some: Slice) -> Advice | None:
    if some.habit is None:
        return None
    shown = some.habit if len(some.habit) <= 40 else f"{some.habit[:40]}..."  # noqa: PLR2004
    right = len({group.question.answer for group in some.groups})
    because = (
        f"{percent(some.favourite[1])} of all answers are {shown!r}, and {right} answers are right."
    )
    do = "The model says the same whatever it is shown: it does not look yet. Start easier, or warm up."
    return Advice("one answer to everything", some.name, do, because)


def _suspects(some: Slice) -> Advice | None:
    share = len(some.suspects) / len(some.groups)
    # A model that does no better than blind agrees with itself on nonsense.
    sees = some.floor is None or some.reward.above(some.floor)
    if share < _SUSPECT or not sees:
        return None
    because = (
        f"On {len(some.suspects)} of {len(some.groups)} questions all {some.answers} answers agree, "
        f"far from the label, while the mean reward is {score(some.reward.mean)} of 100."
    )
    do = "Look at these questions: their labels may be wrong. They are among those shown below."
    return Advice("broken labels suspected", some.name, do, because)


def _too_easy(some: Slice) -> Advice | None:
    if some.all_right < _MANY:
        return None
    because = f"{percent(some.all_right)} of questions have {some.answers} of {some.answers} right."
    do = "Raise the difficulty, or leave the questions out that are always right."
    return Advice("too easy", some.name, do, because)


def _too_hard(some: Slice) -> Advice | None:
    if some.none_right < _MANY:
        return None
    because = f"{percent(some.none_right)} of questions have none of {some.answers} right"
    if some.floor is not None:
        because += f"; the mean reward is {_against(some)}"
        if some.reward.above(some.floor) and some.flat < _MANY:
            return None  # far from perfect, and the smooth reward teaches: see below
    elif some.flat < _MANY:
        return None
    do = "Lower the difficulty or show more frames, or warm up: hardly an answer earns more than a guess."
    return Advice("too hard", some.name, do, f"{because}.")


def _blind(some: Slice) -> Advice | None:
    if some.floor is None or some.reward.above(some.floor):
        return None
    because = f"The mean reward is {_against(some)}."
    do = "Answers differ, and earn no more than they would blind. Warm up, or watch the reward over the floor."
    return Advice("no better than blind", some.name, do, because)


def _bimodal(some: Slice) -> Advice | None:
    ends = some.all_right + some.none_right
    each = min(some.all_right, some.none_right)
    if ends < _BOTH_ENDS or each < _EACH_END or ends < some.expected_ends + _BEYOND_CHANCE:
        return None
    because = (
        f"{percent(some.none_right)} of questions are never right and {percent(some.all_right)} always; "
        f"if all were equally hard, {percent(some.expected_ends)} would be either."
    )
    do = "There is little between. Choose difficulties in between, and reward by degrees."
    return Advice("bimodal", some.name, do, because)


def _smoother(some: Slice) -> Advice | None:
    if some.strictly_flat - some.flat < _SMOOTHER:
        return None
    because = (
        f"All answers earn alike on {percent(some.strictly_flat)} of questions under the strict reward, "
        f"on {percent(some.flat)} under the smooth one."
    )
    do = "Keep the smooth reward: a strict one has nothing to say on the difference."
    return Advice("the smooth reward teaches more", some.name, do, because, fine=True)


def _against(some: Slice) -> str:
    floor = "" if some.floor is None else f", the blind floor {score(some.floor)}"
    return f"{score(some.reward.mean)} {ends(some.reward)}{floor}"
