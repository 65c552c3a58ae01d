"""Do the answers of a group differ in what they earn? Where they do not, there is nothing to learn."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.finding import Finding
from videossr_trainers.preflight.probe import MOST_TOKENS, completions, probing
from videossr_trainers.processes import on_main
from videossr_trainers.questions.selection import current_floors
from videossr_trainers.sections import GrpoSection, WarmStartSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.facades import Score
    from videossr_trainers.preflight.subject import Subject

#: Seconds that the answers may take; the first question of each task is asked in any case.
_BUDGET_S: Final = 20.0

#: Shares from which on there is a warning: of answers that cannot be read, of groups all alike.
_UNREADABLE: Final = 0.9
_ALIKE: Final = 0.9


@dataclass(slots=True)
class _OfTask:
    """What the answers to a task's questions earned."""

    groups: list[list[Score]] = field(default_factory=list)
    difficulties: list[float] = field(default_factory=list)

    @property
    def scores(self) -> list[Score]:
        return [score for group in self.groups for score in group]

    @property
    def mean(self) -> float:
        return fmean(score.value for score in self.scores)

    @property
    def unreadable(self) -> float:
        return fmean(not score.parsed for score in self.scores)

    @property
    def alike(self) -> float:
        return fmean(len({score.value for score in group}) == 1 for group in self.groups)


def rewards(subject: Subject) -> Finding:
    """The answers of some groups, as the model is now, earn different rewards."""
    answers = _answers(subject)
    of_task: dict[str, _OfTask] = defaultdict(_OfTask)
    for asked, group in zip(subject.asked, answers, strict=False):
        task = subject.config.tasks[asked.recipe.task].task
        scores = [
            task.score(text, asked.sample.answer, asked.sample.target, asked.recipe.context)
            for text in group
        ]
        of_task[asked.recipe.task].groups.append(scores)
        of_task[asked.recipe.task].difficulties.append(asked.recipe.difficulty)
    floors = current_floors(subject.config, subject.dataset, subject.recipes, subject.renderer)
    figures = {
        name: {
            "groups": len(found.groups),
            "mean": found.mean,
            "floor": floors.mean(name, found.difficulties),
            "parse_failures": found.unreadable,
            "zero_variance": found.alike,
        }
        for name, found in of_task.items()
    }
    measured = "; ".join(
        f"{name}: mean {f['mean']:.2f} (floor {f['floor']:.2f}), {100 * f['parse_failures']:.0f} % "
        f"unreadable, {100 * f['zero_variance']:.0f} % of {f['groups']} groups all alike"
        for name, f in figures.items()
    )
    every = [score for found in of_task.values() for score in found.scores]
    groups = [group for found in of_task.values() for group in found.groups]
    unreadable = fmean(not score.parsed for score in every)
    alike = fmean(len({score.value for score in group}) == 1 for group in groups)
    meaning = (
        "a group whose answers all earn the same has no advantage, and its question teaches nothing"
    )
    if subject.warms_up:
        note = "; before the warm start, which is to teach the form of an answer"
        return Finding("rewards", "ok", measured + note, meaning, "", figures)
    if unreadable >= _UNREADABLE:
        example = next(text for group in answers for text in group)
        warm = subject.config.section(WarmStartSection).steps
        more = f"raise warm_start.steps ({warm})" if warm else "start with warm_start.steps > 0"
        limit = subject.config.section(GrpoSection).max_completion_length
        bound = f"; at most {MOST_TOKENS} tokens were asked here" if limit > MOST_TOKENS else ""
        return Finding(
            "rewards",
            "warning",
            f"{measured}; an answer: {example[:60]!r}",
            "an answer that cannot be read earns 0, and so do its neighbours",
            f"{more}, on the answers that the questions bring along; if answers are cut, raise "
            f"grpo.max_completion_length ({limit}{bound})",
            figures,
        )
    if alike >= _ALIKE:
        easy = fmean(score.value for score in every) > 0.5  # noqa: PLR2004 - mostly right
        return Finding(
            "rewards",
            "warning",
            measured,
            meaning,
            f"raise grpo.temperature, or make the questions {'harder' if easy else 'easier'} by "
            "tasks.NAME.difficulty",
            figures,
        )
    return Finding("rewards", "ok", measured, meaning, "", figures)


def _answers(subject: Subject) -> list[list[str]]:
    """The answers to the questions looked at, group by group, as far as the time allows."""
    rows = subject.rows
    answers: list[list[str]] = []
    until = time.monotonic() + _BUDGET_S
    with probing(subject) as trainer:
        n = trainer.num_generations
        first = len(
            {row["recipe"].task for row in rows}
        )  # the questions come task by task, in turns
        texts, seconds = completions(trainer, rows[:first])
        subject.seconds_of_rollouts = seconds / first
        answers += _grouped(texts, n)
        # One process decides for all, who have to generate together.
        each = max(seconds / first, 1e-6)
        fit = on_main(lambda: int((until - time.monotonic()) / each))
        more = rows[first : first + fit]
        if more:
            texts, seconds = completions(trainer, more)
            subject.seconds_of_rollouts = seconds / len(more)
            answers += _grouped(texts, n)
    return answers


def _grouped(texts: Sequence[str], n: int) -> list[list[str]]:
    return [list(texts[start : start + n]) for start in range(0, len(texts), n)]
