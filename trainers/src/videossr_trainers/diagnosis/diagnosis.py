"""A diagnosis from answers to its report: figures, advice, files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import VideossrError
from videossr.wording import counted
from videossr_trainers.diagnosis.advice import Advice, advise
from videossr_trainers.diagnosis.groups import Group, Slice
from videossr_trainers.diagnosis.source import few_valued
from videossr_trainers.downstream.folder import RESULTS
from videossr_trainers.pages import (
    Card,
    Said,
    players_of,
    spread,
    write_json,
    write_page,
    write_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from videossr_trainers.answering import Answer
    from videossr_trainers.diagnosis.source import Source
    from videossr_trainers.downstream.asking import Asking
    from videossr_trainers.downstream.how import How
    from videossr_trainers.downstream.reading import Plain

#: What a card shows, in the order of the page.
_SUSPECT: Final = "all agree, far from the label"
_NONE: Final = "none right"
_SOME: Final = "some right"
_ALL: Final = "all right"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found.

    Attributes:
        title: what the dataset is called.
        groups: the questions that were answered, N times each.
        unasked: by name, why a question could not be asked.
        failed: by name, why a question has not N answers.
        how: it was measured.
    """

    title: str
    groups: Sequence[Group]
    unasked: Mapping[str, str]
    failed: Mapping[str, str]
    how: How

    @property
    def tasks(self) -> list[Slice]:
        """The figures of each task, in order of first appearance."""
        return _slices(self.groups, "", lambda _: "")

    def parts(self, task: str) -> list[Slice]:
        """The figures of a task by level, and by each field that has few values."""
        groups = [group for group in self.groups if group.question.task == task]
        found: list[Slice] = []
        levels = {group.question.level for group in groups}
        if len(levels) > 1:
            found += _slices(groups, "level", lambda group: group.question.level)
        for name in few_valued(group.question for group in groups):
            with_it = [group for group in groups if name in group.question.fields]
            found += _slices(with_it, name, partial(_field, name))
        return found

    @property
    def faults(self) -> list[str]:
        """In words, how many questions could not be asked or were not answered, with an example."""
        return [
            f"{counted(len(lost), 'question')} {words}, such as {name}: {reason}"
            for words, lost in self.lost.items()
            for name, reason in list(lost.items())[:1]
        ]

    @property
    def lost(self) -> dict[str, Mapping[str, str]]:
        """The questions that are in no figure, and why, by what became of them in words."""
        lost = {"could not be asked": self.unasked, "not answered in full": self.failed}
        return {words: some for words, some in lost.items() if some}


def settle(source: Source, right_from: float, key: str, answers: tuple[Answer, ...]) -> Group | str:
    """The graded answers to a question, or why it has not all of them.

    Args:
        source: that the question is of; it was made before.
        right_from: from which value on an answer counts as right.
        key: of the question.
        answers: as many as were asked for.

    Raises:
        PluginError: a plugin failed in grading.
    """
    failures = [answer.failure for answer in answers if answer.failure is not None]
    if failures:  # a group of another size has another chance of being all alike
        return f"{len(failures)} of {len(answers)} answers failed: {failures[0]}"
    cut_off = sum(answer.truncated for answer in answers)
    grades = tuple(source.grade(key, answer.text) for answer in answers)
    return Group(source.posed(key), grades, right_from, cut_off)


def diagnosis_of(title: str, source: Source, asking: Asking[Group | str], how: How) -> Diagnosis:
    """Put into order what came of asking.

    Args:
        title: what the dataset is called.
        source: its questions.
        asking: what came of them, by `settle`.
        how: it was measured.
    """
    settled = {key: asking.results[key] for key in source.keys if key in asking.results}
    return Diagnosis(
        title,
        groups=[one for one in settled.values() if isinstance(one, Group)],
        unasked={**source.absent, **asking.broken},
        failed={key: one for key, one in settled.items() if isinstance(one, str)},
        how=how,
    )


def write_diagnosis(diagnosis: Diagnosis, source: Source, folder: Path, *, shown: int) -> Path:
    """Write `results.json`, `questions.csv` and `report.html`, each in one step.

    Args:
        diagnosis: what was found.
        source: from which the clips are taken.
        folder: to write to.
        shown: most questions to look at.

    Returns:
        The report.
    """
    tasks = [
        (some, parts, advise(some, parts))
        for some in diagnosis.tasks
        for parts in [diagnosis.parts(some.task)]
    ]
    questions = [_row(group) for group in diagnosis.groups]
    write_json(
        folder / RESULTS,
        {
            "dataset": diagnosis.title,
            "tasks": {
                some.task: {
                    **_figures(some),
                    "advice": {
                        **_advice(told),
                        "notes": [_advice(note) for note in told.notes],
                    },
                    "parts": [
                        {
                            "by": part.by,
                            "value": part.value,
                            **_figures(part),
                            "verdict": advise(part).what,
                        }
                        for part in parts
                    ],
                }
                for some, parts, told in tasks
            },
            "not_asked": dict(diagnosis.unasked),
            "not_answered": dict(diagnosis.failed),
            "how": diagnosis.how.tree,
            "questions": questions,
        },
    )
    columns = (
        *("task", "question", "level", "video", "floor", "answer"),
        *("right", "of", "mean_reward", "flat", "strictly_flat", "suspect", "unread", "answers"),
    )
    flat = [
        {
            **row,
            "answers": " | ".join(f"{one['text']} ({one['value']:.3f})" for one in row["answers"]),
        }
        for row in questions
    ]
    write_table(folder / "questions.csv", columns, [{k: row[k] for k in columns} for row in flat])
    suspects = {group.question.key for some, _, _ in tasks for group in some.suspects}
    return write_page(
        folder / "report.html",
        "videossr_trainers.diagnosis",
        "diagnosis.html.jinja",
        filters={"counted": counted},
        diagnosis=diagnosis,
        tasks=tasks,
        columns_of=_columns,
        lost={
            words: [f"{name}: {reason}" for name, reason in some.items()]
            for words, some in diagnosis.lost.items()
        },
        facts=diagnosis.how.facts,
        verdict=lambda part: advise(part).what,
        cards=_cards(diagnosis.groups, suspects, source, shown),
    )


def summary_of(diagnosis: Diagnosis) -> list[str]:
    """The main figures and the advice in a few lines of text."""
    lines = []
    for some in diagnosis.tasks:
        lines.append(
            f"{some.name}: {counted(len(some.groups), 'question')}, right of {some.answers}: "
            f"{' '.join(map(str, some.histogram))}; all alike: {100 * some.strictly_flat:.0f} % under "
            f"the strict reward, {100 * some.flat:.0f} % under the smooth one"
        )
        told = advise(some, diagnosis.parts(some.task))
        lines += [f"  {one.what}: {one.because} {one.do}" for one in (told, *told.notes)]
    return lines or ["no question was answered"]


def _slices(groups: Sequence[Group], by: str, value: Callable[[Group], Plain]) -> list[Slice]:
    found: dict[tuple[str, Plain], list[Group]] = {}
    for group in groups:
        found.setdefault((group.question.task, value(group)), []).append(group)
    made = [Slice(task, by, name, some) for (task, name), some in found.items()]
    if not by:
        return made
    # numbers before texts
    return sorted(made, key=lambda one: (isinstance(one.value, str), one.value))


def _field(name: str, group: Group) -> Plain:
    return group.question.fields[name]


def _columns(some: Slice) -> list[tuple[str, int, float]]:
    """The histogram as a page draws it."""
    total = len(some.groups)
    return [(str(right), count, count / total) for right, count in enumerate(some.histogram)]


def _figures(some: Slice) -> dict[str, Any]:
    return {
        "questions": len(some.groups),
        "answers": some.answers,
        "right": some.histogram,
        "all_right": some.all_right,
        "none_right": some.none_right,
        "ends_if_equally_hard": some.expected_ends,
        "zero_variance": {"strict": some.strictly_flat, "smooth": some.flat},
        "reward": {"strict": some.strict_reward._asdict(), "smooth": some.reward._asdict()},
        "floor": some.floor,
        "normalised": some.normalised,
        "parse_failures": some.unread,
        "cut_off": some.cut_off,
        "favourite": {"answer": some.favourite[0] or None, "share": some.favourite[1]},
        "suspects": [group.question.name for group in some.suspects],
    }


def _advice(advice: Advice) -> dict[str, str]:
    return {"what": advice.what, "because": advice.because, "do": advice.do}


def _row(group: Group) -> dict[str, Any]:
    asked = group.question
    return {
        "task": asked.task,
        "question": asked.name,
        "level": asked.level or None,
        "video": asked.video,
        "fields": dict(asked.fields),
        "floor": asked.floor,
        "prompt": asked.question,
        "answer": asked.answer,
        "right": group.right,
        "of": len(group.grades),
        "mean_reward": group.reward,
        "flat": group.flat,
        "strictly_flat": group.strictly_flat,
        "suspect": group.unanimous is not None,
        "unread": sum(not one.parsed for one in group.grades),
        "answers": [
            {"text": one.said, "value": one.value, "parsed": one.parsed} for one in group.grades
        ],
    }


def _cards(groups: Sequence[Group], suspects: set[str], source: Source, most: int) -> list[Card]:
    """Questions to look at: some of each task and outcome, the suspects first."""

    def kind(group: Group) -> str:
        if group.question.key in suspects:
            return _SUSPECT
        if group.right == 0:
            return _NONE
        return _ALL if group.right == len(group.grades) else _SOME

    order = [_SUSPECT, _NONE, _SOME, _ALL]
    chosen = spread(
        groups,
        most,
        lambda group: (kind(group), group.question.task),
        lambda group: group.question.name,
    )
    return [
        _card(group, kind(group), source)
        for group in sorted(chosen, key=lambda group: order.index(kind(group)))
    ]


def _card(group: Group, kind: str, source: Source) -> Card:
    asked = group.question
    try:
        sample = source.sample(asked.key)
        players = players_of(sample.clips, source.marks(asked.key, sample))
        problem = ""
    except VideossrError as error:  # gone since it was asked
        players, problem = [], str(error)
    given = Counter((one.said, one.value if one.parsed else None) for one in group.grades)
    facts = {"right": f"{group.right} of {len(group.grades)}", "mean reward": f"{group.reward:.3f}"}
    if asked.floor is not None:
        facts["blind floor"] = f"{asked.floor:.3f}"
    if asked.level:
        facts["level"] = asked.level
    return Card(
        name=asked.name,
        kind=kind,
        group=asked.task,
        question=asked.question,
        right=asked.answer,
        said=[Said(text, times, value) for (text, value), times in given.most_common()],
        players=players,
        problem=problem,
        facts=facts,
    )
