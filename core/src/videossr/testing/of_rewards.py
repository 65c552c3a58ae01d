"""Checks of tasks: how answers are graded, and what they are worth by guessing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from statistics import fmean
from string import punctuation
from typing import TYPE_CHECKING, Final

from videossr.testing.check import BrokenRule, Check
from videossr.testing.hostile import completions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videossr.facades import Score
    from videossr.testing.subject import Asked, Subject

#: The longest answer that a prompt may give as an example, in words.
_SPAN: Final = 12

_QUOTES: Final = "\u2018\u2019\u201c\u201d\u00ab\u00bb"

_GARBAGE: Final = ("", "?", "I do not know.", "banana banana banana", "<answer>")

#: Samples that hostile answers are given to: each is a hundred answers, some of them long.
_HOSTILE: Final = 6

#: What no format allows.
_NO_ANSWER: Final = (
    "\N{REPLACEMENT CHARACTER} no answer at all, whatever the format \N{REPLACEMENT CHARACTER}"
)


def true_answer_scores_one(subject: Subject) -> str:
    """The true answer scores exactly 1, whatever the seed and the level."""
    for asked in subject.survey.every:
        score = _graded(subject, asked, asked.answer)
        if score.value != 1.0:
            found = f"{score.value!r}" if score.parsed else f"nothing: {score.reason}"
            raise BrokenRule(
                f"answer {asked.answer!r} on {asked.draw} scores {found}; must score 1.0"
            )
    return ""


def hostile_answers_score(subject: Subject) -> str:
    """Any text gets a finite score in [0, 1]: empty, huge, no ASCII, digits of other scripts, NUL."""
    every = list(subject.survey.every)
    for asked in every[:: max(1, len(every) // _HOSTILE)]:
        for completion in completions(asked.answer):
            _graded(subject, asked, completion)  # raises what is wrong
    return ""


def same_answer_same_score(subject: Subject) -> str:
    """The same answer to the same question scores the same every time."""
    every = list(subject.survey.every)
    for asked, other in zip(every, reversed(every), strict=True):
        for answer in (asked.answer, other.answer, "?"):
            first, second = (_graded(subject, asked, answer) for _ in range(2))
            if first != second:
                found = f"{first.value:g} and then {second.value:g}"
                right = "must depend on its arguments alone"
                raise BrokenRule(f"answer {answer!r} to {asked.answer!r} scores {found}; {right}")
    return ""


def reward_falls_with_corruption(subject: Subject) -> str:
    """The wronger an answer, the less it earns on average.

    With `near_misses`, strictly along them. Without, answers of other questions earn less than the true
    one, and garbage no more than those.
    """
    if hasattr(subject.plugin, "near_misses"):
        return _falls_along_near_misses(subject)
    return _falls_to_others(subject)


def prompt_states_the_format(subject: Subject) -> str:
    """The prompt holds an example of an answer: words that, without punctuation, the reward can read."""
    asked_by = {asked.question: asked for asked in subject.survey.every}
    if all(_graded(subject, asked, _NO_ANSWER).parsed for asked in asked_by.values()):
        return "not judged: the reward takes any text for an answer, so every prompt would do"
    for question, asked in asked_by.items():
        if not any(_graded(subject, asked, span).parsed for span in _spans(question)):
            right = "give an example of an answer in it, as in `as in 3,1,4`"
            raise BrokenRule(f"the reward can read no words of the prompt {question!r}; {right}")
    return ""


def blind_floor_is_measured(subject: Subject) -> str:
    """The best answer that never looks at the pixels earns less than 1."""
    floors = subject.floors
    if refused := [level for level in subject.survey.asked if level not in floors]:
        problem = (
            f"at {', '.join(refused)} it refuses noise in the place of the clips that it takes"
        )
        right = "must take some, since a build measures the floor on noise"
        raise BrokenRule(f"{problem}; {right}")
    floor = fmean(floors.values())
    each = ", ".join(f"{level} {value:.3f}" for level, value in floors.items())
    if not (isfinite(floor) and floor < 1):
        right = "the words and the times of a question must not give its answer away"
        raise BrokenRule(f"the blind floor is {floor:.3f} ({each}); {right}")
    return f"{floor:.3f} ({each})"


GRADING: Final = (
    Check.of(true_answer_scores_one),
    Check.of(hostile_answers_score),
    Check.of(same_answer_same_score),
    Check.of(reward_falls_with_corruption),
    Check.of(prompt_states_the_format),
    Check.of(blind_floor_is_measured),
)


def _graded(subject: Subject, asked: Asked, completion: str) -> Score:
    return subject.task.score(completion, asked.answer, asked.target, str(asked.draw))


def _falls_along_near_misses(subject: Subject) -> str:
    ladders = [_ladder(subject, asked) for asked in subject.survey.every]
    rungs = min(map(len, ladders))
    means = [fmean(ladder[rung] for ladder in ladders) for rung in range(rungs)]
    found = ", ".join(f"{mean:.3f}" for mean in means)
    if any(worse >= better for better, worse in pairwise(means)):
        right = "must fall at every step"
        raise BrokenRule(f"the true answer and near_misses earn {found} on average; {right}")
    return f"{found} on average"


def _ladder(subject: Subject, asked: Asked) -> list[float]:
    """What the true answer earns, and then each of the near misses."""
    missed = subject.offered("near_misses", subject.sample(asked.draw))
    texts = isinstance(missed, Sequence) and all(isinstance(answer, str) for answer in missed)
    if not texts or isinstance(missed, str) or not missed:
        right = "must return a sequence of answers, from nearly right to quite wrong"
        raise BrokenRule(f"near_misses returned {missed!r}; {right}")
    earned = [_graded(subject, asked, asked.answer).value]
    for answer in missed:
        score = _graded(subject, asked, answer)
        if not score.parsed:
            problem = f"near_misses gave {answer!r}, which the reward cannot read: {score.reason}"
            raise BrokenRule(f"{problem}; must have the form of an answer")
        earned.append(score.value)
    return earned


def _falls_to_others(subject: Subject) -> str:
    true, others, garbage = [], [], []
    for level in subject.survey.asked.values():
        answers = dict.fromkeys(asked.answer for asked in level)
        for asked in level:
            true.append(_graded(subject, asked, asked.answer).value)
            garbage += _earned(subject, asked, _GARBAGE)
            others += _earned(subject, asked, (one for one in answers if one != asked.answer))
    if not others:
        raise BrokenRule("every question has the same answer; must differ")
    found = (
        f"the true answer earns {fmean(true):.3f} on average, answers of other questions "
        f"{fmean(others):.3f}, garbage {fmean(garbage):.3f}"
    )
    if not fmean(true) > fmean(others) >= fmean(garbage):
        raise BrokenRule(f"{found}; must fall")
    return found


def _earned(subject: Subject, asked: Asked, answers: Iterable[str]) -> list[float]:
    return [_graded(subject, asked, answer).value for answer in answers]


def _spans(question: str) -> Iterator[str]:
    """Words of a prompt that stand next to each other, as they are and without punctuation around."""
    words = question.split()
    for length in range(1, _SPAN + 1):
        for start in range(len(words) - length + 1):
            span = " ".join(words[start : start + length])
            yield from dict.fromkeys(
                (span, span.rstrip(".,;:!?"), span.strip(punctuation + _QUOTES))
            )
