"""What the figures advise, in words, each with the numbers that led to it.

Some questions have one verdict: the first that holds, in the order of `_VERDICTS`. What is found beside it
are notes, none of which advises against it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from videossr.wording import counted
from videossr_trainers.pages import ends, percent, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr_trainers.diagnosis.groups import Slice

#: Questions with fewer than these say too little for advice, and so does a single video.
FEWEST: Final = 8
_FEWEST_VIDEOS: Final = 2

_MANY: Final = 0.5
_UNREAD: Final = 0.2
_BOTH_ENDS: Final = 0.6
_EACH_END: Final = 0.15
_BEYOND_CHANCE: Final = 0.2
_SUSPECT: Final = 0.02
_KNOWN: Final = 0.5
_SMOOTHER: Final = 0.1

_TOO_FEW: Final = "too few questions"
_UNREADABLE: Final = "parse failures dominate"
_SAME_AGAIN: Final = "one answer to everything"
_TOO_EASY: Final = "too easy"
_TOO_HARD: Final = "too hard"
_BIMODAL: Final = "bimodal"
_IN_RANGE: Final = "in range"

#: After these the answers say nothing of the labels, nor of one reward against another.
_NO_GROUND: Final = frozenset({_TOO_FEW, _UNREADABLE})
_NO_GROUND_FOR_LABELS: Final = _NO_GROUND | {_SAME_AGAIN}

#: After these what the smooth reward adds is no luck.
_LEARNABLE: Final = frozenset({_TOO_EASY, _BIMODAL, _IN_RANGE})


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding.

    Attributes:
        what: it in a few words, such as `too easy`.
        about: which questions.
        do: what to do about it.
        because: the numbers that led to it.
        fine: whether it says that nothing is wrong.
        notes: what else was found; none of it advises against this.
    """

    what: str
    about: str
    do: str
    because: str
    fine: bool = False
    notes: tuple[Advice, ...] = ()


def advise(some: Slice, parts: Sequence[Slice] = ()) -> Advice:
    """The verdict on some questions, and what was found beside it.

    Args:
        some: the questions.
        parts: of them, such as those of a level; one that is too easy or too hard where the whole is not
            is named, so that no advice on the whole is taken for one on that part.
    """
    verdict = _verdict(some)
    if verdict.what in _NO_GROUND:
        return verdict
    labels = _suspects(some) if verdict.what not in _NO_GROUND_FOR_LABELS else None
    smoother = _smoother(some) if verdict.what in _LEARNABLE else None
    notes = (labels, smoother, _apart(some, verdict, parts))
    return replace(verdict, notes=tuple(note for note in notes if note))


def _verdict(some: Slice) -> Advice:
    """The first that holds."""
    return next(found for judge in _VERDICTS if (found := judge(some)))


def _too_few(some: Slice) -> Advice | None:
    count = len(some.groups)
    if count >= FEWEST and some.reward.videos >= _FEWEST_VIDEOS:
        return None
    do = (
        f"Ask at least {FEWEST}, about {_FEWEST_VIDEOS} videos or more, before drawing conclusions."
    )
    because = f"{counted(count, 'question')} about {counted(some.reward.videos, 'video')}."
    return Advice(_TOO_FEW, some.name, do, because)


def _unread(some: Slice) -> Advice | None:
    if some.unread < _UNREAD:
        return None
    because = f"{percent(some.unread)} of the answers have not the form of one."
    do = "Teach the form first, by a warm start on right answers, before any other figure counts."
    if some.cut_off >= some.unread / 2:
        because += f" {percent(some.cut_off)} took up all their tokens."
        do = "Give answers more room by --max-new-tokens, or ask for shorter ones."
    return Advice(_UNREADABLE, some.name, do, because)


def _habit(some: Slice) -> Advice | None:
    if some.habit is None:
        return None
    shown = some.habit if len(some.habit) <= 40 else f"{some.habit[:40]}..."  # noqa: PLR2004
    right = len({group.question.answer for group in some.groups})
    because = (
        f"{percent(some.favourite[1])} of all answers are {shown!r}, while the questions have "
        f"{counted(right, 'different right answer')}."
    )
    do = "The model says the same whatever it is shown: it does not look yet. Start easier, or warm up."
    return Advice(_SAME_AGAIN, some.name, do, because)


def _bimodal(some: Slice) -> Advice | None:
    at_ends = some.all_right + some.none_right
    each = min(some.all_right, some.none_right)
    if at_ends < max(_BOTH_ENDS, some.expected_ends + _BEYOND_CHANCE) or each < _EACH_END:
        return None
    because = (
        f"{percent(some.none_right)} of questions are never right and {percent(some.all_right)} always; "
        f"if all were equally hard, {percent(some.expected_ends)} would be either."
    )
    do = "There is little between. Choose difficulties in between, and reward by degrees."
    return Advice(_BIMODAL, some.name, do, because)


def _too_easy(some: Slice) -> Advice | None:
    if some.all_right < _MANY:
        return None
    because = f"{percent(some.all_right)} of questions have {some.answers} of {some.answers} right."
    do = "Raise the difficulty, or leave the questions out that are always right."
    return Advice(_TOO_EASY, some.name, do, because)


def _too_hard(some: Slice) -> Advice | None:
    if some.none_right < _MANY:
        return None
    none_right = f"{percent(some.none_right)} of questions have none of {some.answers} right"
    if not _sees(some):
        because = f"{none_right}; the mean reward is {_against(some)}."
        do = "Lower the difficulty or show more frames, or warm up: answers are not shown to earn more than a guess."
        return Advice(_TOO_HARD, some.name, do, because)
    if some.flat < _MANY:
        return None  # far from perfect, and the smooth reward teaches
    because = (
        f"{none_right}, and on {percent(some.flat)} all answers earn alike under the smooth reward; "
        f"its mean is {_against(some)}."
    )
    do = "Lower the difficulty, or sample more answers: where all earn alike there is nothing to learn."
    return Advice(_TOO_HARD, some.name, do, because)


def _blind(some: Slice) -> Advice | None:
    if _sees(some):
        return None
    because = f"The mean reward is {_against(some)}."
    do = "Answers differ, and earn no more than they would blind. Warm up, or watch the reward over the floor."
    return Advice("no better than blind", some.name, do, because)


def _little(some: Slice) -> Advice | None:
    if some.flat < _MANY:
        return None
    do = "Less than half of the questions teach anything. Sample more answers, or try other levels."
    return Advice("little to learn", some.name, do, _teaching(some))


def _in_range(some: Slice) -> Advice:
    do = "Most questions teach something. Train."
    return Advice(_IN_RANGE, some.name, do, _teaching(some), fine=True)


_VERDICTS: Final = (
    _too_few,
    _unread,
    _habit,
    _bimodal,
    _too_easy,
    _too_hard,
    _blind,
    _little,
    _in_range,
)


def _suspects(some: Slice) -> Advice | None:
    # A model that knows little agrees with itself on nonsense, the more so the longer it was trained.
    if len(some.suspects) / len(some.groups) < _SUSPECT or not _knows(some):
        return None
    because = (
        f"On {len(some.suspects)} of {len(some.groups)} questions all {some.answers} answers agree, "
        f"far from the label, while the mean reward is {score(some.reward.mean)} of 100."
    )
    do = "Look at these questions: their labels may be wrong. They are among those shown below."
    return Advice("broken labels suspected", some.name, do, because)


def _smoother(some: Slice) -> Advice | None:
    if some.strictly_flat - some.flat < _SMOOTHER:
        return None
    because = (
        f"All answers earn alike on {percent(some.strictly_flat)} of questions under the strict reward, "
        f"on {percent(some.flat)} under the smooth one."
    )
    do = "Keep the smooth reward: a strict one has nothing to say on the difference."
    return Advice("the smooth reward teaches more", some.name, do, because, fine=True)


def _apart(some: Slice, verdict: Advice, parts: Sequence[Slice]) -> Advice | None:
    """The parts that are too easy or too hard where the whole is not."""
    apart = [
        f"{part.by} {part.value} is {what}"
        for part in parts
        if (what := _verdict(part).what) in {_TOO_EASY, _TOO_HARD} and what != verdict.what
    ]
    if not apart:
        return None
    do = "Set these right by themselves; the advice is for the others."
    return Advice("some parts are apart", some.name, do, f"{'; '.join(apart)}.")


def _knows(some: Slice) -> bool:
    """Whether the model earns at least half of what there is to earn above the blind floor."""
    earned = some.reward.mean if some.normalised is None else some.normalised
    return _sees(some) and earned >= _KNOWN


def _sees(some: Slice) -> bool:
    """Whether the reward is shown to be above the blind floor, as far as that is known."""
    return some.floor is None or some.reward.above(some.floor)


def _teaching(some: Slice) -> str:
    return (
        f"{percent(1 - some.flat)} of questions have answers that earn differently under the smooth "
        f"reward, {percent(1 - some.strictly_flat)} under the strict one."
    )


def _against(some: Slice) -> str:
    floor = "" if some.floor is None else f", the blind floor {score(some.floor)}"
    return f"{score(some.reward.mean)} {ends(some.reward)}{floor}"
