"""What answers earn that come from no model: the oracle's, the best constant, answers by chance."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final, Literal

from videossr.seeds import rng_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from videossr.benchmark.constants import Constants
    from videossr.benchmark.question import Question
    from videossr.config import RunConfig
    from videossr.facades import Task

Baseline = Literal["oracle", "constant", "random"]
BASELINES: Final[tuple[Baseline, ...]] = ("oracle", "constant", "random")

#: Other questions of the subtask whose answers are tried on each question, in expectation of all.
_DRAWS: Final = 64


@dataclass(frozen=True, slots=True)
class Guess:
    """A baseline's answer to a question.

    Attributes:
        text: the answer; empty where it is the mean of many.
        value: its reward, or their mean.
        parsed: whether it has the form of an answer.
    """

    key: str
    text: str
    value: float
    parsed: bool = True


def baselines_of(
    questions: Sequence[Question],
    config: RunConfig,
    constants: Constants,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Baseline, list[Guess]]:
    """What each baseline answers to each question, in the order of the questions.

    The oracle gives the sample's own answer, and must earn 1. The constant is that of `Constants`. By
    chance means the answers of other questions of the same subtask, 64 of them drawn for each
    question, or all where there are fewer.

    Args:
        questions: of the benchmark.
        config: that it was built with, with the modifiers that hold for the scores.
        constants: of the benchmark.
        progress: called with questions done and questions in all.

    Raises:
        PluginError: a reward failed.
        Unsuitable: as `Constants.guess`.
    """
    answers: dict[str, list[str]] = {}
    for question in questions:
        answers.setdefault(question.subtask, []).append(question.answer)
    seen: dict[str, int] = {}
    found: dict[Baseline, list[Guess]] = {name: [] for name in BASELINES}
    for done, question in enumerate(questions, start=1):
        task = config.tasks[question.subtask].task
        own = seen.get(question.subtask, 0)
        seen[question.subtask] = own + 1
        found["oracle"].append(_guess(task, question, question.answer))
        found["constant"].append(_guess(task, question, constants.guess(question)))
        found["random"].append(
            _by_chance(task, question, answers[question.subtask], own, config.seed)
        )
        if progress:
            progress(done, len(questions))
    return found


def _guess(task: Task, question: Question, text: str) -> Guess:
    score = question.score(task, text)
    return Guess(question.key, text, score.value, score.parsed)


def _by_chance(
    task: Task, question: Question, answers: Sequence[str], own: int, seed: int
) -> Guess:
    others = [*answers[:own], *answers[own + 1 :]] or list(answers)
    if len(others) > _DRAWS:
        others = rng_for(seed, "random baseline", question.key).sample(others, _DRAWS)
    values: Mapping[str, float] = {
        text: question.score(task, text).value for text in dict.fromkeys(others)
    }
    return Guess(question.key, "", fmean(values[text] for text in others))
