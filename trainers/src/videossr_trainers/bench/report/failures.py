"""The answers to look at: of each subtask the worst ones, some that are missing, and some by chance."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr import VideossrError
from videossr.benchmark import key_of
from videossr.marks import marks_of
from videossr.seeds import derive_seed
from videossr_trainers.report.player import Player, players_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videossr.benchmark import Question
    from videossr.dataset import Recipe
    from videossr.render import Renderer
    from videossr_trainers.bench.folder import Given
    from videossr_trainers.bench.report.tables import RunTable

_WORDS: Final = {"sighted": "Answer", "blind": "Blind", "wrong_video": "Wrong video"}


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """What was said to a question: by whom or under which condition, and what it is worth."""

    label: str
    answer: Given


@dataclass(frozen=True, slots=True)
class Failure:
    """A question to look at.

    Attributes:
        question: as it was shown.
        why: it was chosen.
        said: the answers to it.
        players: of its clips; none where it cannot be rendered.
        problem: why it cannot.
    """

    question: Question
    why: str
    said: Sequence[LabelledAnswer]
    players: Sequence[Player] = ()
    problem: str = ""


def failures(
    tables: Sequence[RunTable],
    renderer: Renderer | None,
    recipes: Sequence[Recipe],
    *,
    worst: int,
    by_chance: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Failure]:
    """Questions to look at: the worst ones, some that nobody answered, and some of the others.

    The worst are those with the lowest mean over the runs that answered them. A question that no run
    answered is no bad answer, and stands apart.

    Args:
        tables: of the runs that asked a model about its own videos.
        renderer: of the benchmark; None where its videos are not at hand.
        recipes: of the benchmark.
        worst, by_chance: of each subtask; of those without any answer, as many as of the worst.
        progress: called with questions done and questions in all.
    """
    by_key = {key_of(recipe): recipe for recipe in recipes}
    chosen = _chosen(tables, worst, by_chance)
    found = []
    for question, why in chosen:
        said = _said(tables, question)
        recipe = by_key.get(question.key)
        if renderer is None or recipe is None:
            found.append(Failure(question, why, said, problem="its video is not at hand"))
        else:
            try:
                sample = renderer.render(recipe)
                marks = marks_of(renderer.task(recipe), sample, recipe.context)
                players = players_of(sample.clips, marks)
            except VideossrError as error:
                found.append(Failure(question, why, said, problem=str(error)))
            else:
                found.append(Failure(question, why, said, players))
        if progress:
            progress(len(found), len(chosen))
    return found


def _chosen(tables: Sequence[RunTable], worst: int, by_chance: int) -> list[tuple[Question, str]]:
    chosen: list[tuple[Question, str]] = []
    run = tables[0].run
    for subtask in run.facts["subtasks"]:
        asked = [question for question in run.questions if question.subtask == subtask]
        ordered = sorted(asked, key=lambda q: derive_seed("failures", q.key))
        means = {q.key: mean for q in ordered if (mean := _mean(tables, q)) is not None}
        answered = [q for q in ordered if q.key in means]
        wrong = sorted((q for q in answered if means[q.key] < 1), key=lambda q: means[q.key])[
            :worst
        ]
        missing = [q for q in ordered if q.key not in means][:worst]
        rest = [q for q in answered if q not in wrong][:by_chance]
        chosen += [(question, "among the worst") for question in wrong]
        chosen += [(question, "not answered") for question in missing]
        chosen += [(question, "by chance") for question in rest]
    return chosen


def _mean(tables: Sequence[RunTable], question: Question) -> float | None:
    """What the answers to a question are worth on average; None where no run has one."""
    answers = [table.run.answers["sighted", question.key] for table in tables]
    values = [answer.value for answer in answers if not answer.failure]
    return fmean(values) if values else None


def _said(tables: Sequence[RunTable], question: Question) -> list[LabelledAnswer]:
    if len(tables) == 1:
        answers = tables[0].run.answers
        return [
            LabelledAnswer(words, answers[condition, question.key])
            for condition, words in _WORDS.items()
            if (condition, question.key) in answers
        ]
    return [
        LabelledAnswer(table.name, table.run.answers["sighted", question.key]) for table in tables
    ]
