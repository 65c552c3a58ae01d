"""From answers and logs to the figures of a report."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.intervals import Interval, interval
from videossr.marks import Mark, marks_of
from videossr_trainers.report import (
    Evaluation,
    Score,
    ShownSample,
    StepMetrics,
    TaskStep,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.facades import Task
    from videossr.render import Renderer
    from videossr.sample import Sample
    from videossr_trainers.demo.examination import Answered

#: Questions of each task that a report shows.
_SHOWN: Final = 4


def evaluation(answers: Mapping[str, Sequence[Answered]], tasks: Sequence[str]) -> Evaluation:
    """Scores by task and condition."""
    return Evaluation(
        {
            task: {
                condition: _score([one for one in given if one.recipe.task == task])
                for condition, given in answers.items()
            }
            for task in tasks
        }
    )


def gains(
    before: Sequence[Answered], after: Sequence[Answered], tasks: Sequence[str]
) -> dict[str, Interval]:
    """After minus before, question by question, for each task and the mean over tasks."""
    differences = {
        task: [
            (new.score.value - old.score.value, new.recipe.video)
            for old, new in zip(before, after, strict=True)
            if new.recipe.task == task
        ]
        for task in tasks
    }
    found = {task: interval(*zip(*pairs, strict=True)) for task, pairs in differences.items()}
    # Each task weighs the same in the mean, however many questions it has.
    questions = sum(len(pairs) for pairs in differences.values())
    weighted = [
        (gain * questions / (len(tasks) * len(pairs)), video)
        for pairs in differences.values()
        for gain, video in pairs
    ]
    return {**found, "overall": interval(*zip(*weighted, strict=True))}


def step_metrics(log: Sequence[Mapping[str, float]], tasks: Sequence[str]) -> list[StepMetrics]:
    """The trainer's log as a report reads it."""
    return [
        StepMetrics(
            step=int(entry["step"]),
            seconds=entry["seconds"],
            tasks={
                task: TaskStep(
                    reward=entry[f"reward/{task}"],
                    zero_variance=entry[f"zero_variance/{task}"],
                    parse_failures=entry[f"parse_failures/{task}"],
                )
                for task in tasks
                if f"reward/{task}" in entry
            },
            loss=float(entry["loss"]),
            mean_length=entry["completions/mean_length"],
            kl=entry.get("kl"),
        )
        for entry in log
    ]


def shown_samples(
    before: Sequence[Answered], after: Sequence[Answered], renderer: Renderer
) -> list[ShownSample]:
    """The first questions of each task, with what was said before and after."""
    shown: dict[str, list[ShownSample]] = {}
    for old, new in zip(before, after, strict=True):
        recipe = new.recipe
        of_task = shown.setdefault(recipe.task, [])
        if len(of_task) == _SHOWN:
            continue
        sample = renderer.render(recipe)
        of_task.append(
            ShownSample(
                task=recipe.task,
                question=sample.question,
                answer=sample.answer,
                completion_before=old.completion,
                completion_after=new.completion,
                reward_before=old.score.value,
                reward_after=new.score.value,
                difficulty=recipe.difficulty,
                clips=sample.clips,
                marks=marks(renderer.task(recipe), sample),
            )
        )
    return [sample for of_task in shown.values() for sample in of_task]


def marks(task: Task, sample: Sample) -> list[Mark]:
    """The frames that a task marks, with what it marks on them: `2 circle, 1 square`."""
    by_frames: dict[tuple[int, int, int], list[str]] = {}
    for mark in marks_of(task, sample):
        by_frames.setdefault((mark.clip, mark.start, mark.stop), []).append(mark.label)
    return [
        Mark(
            *frames,
            ", ".join(
                f"{labels.count(label)} {label}" if len(labels) > 1 else label
                for label in dict.fromkeys(labels)
            ),
        )
        for frames, labels in sorted(by_frames.items())
    ]


def _score(answered: Sequence[Answered]) -> Score:
    values = [one.score.value for one in answered]
    return Score(
        reward=interval(values, [one.recipe.video for one in answered]),
        parse_failures=fmean(not one.score.parsed for one in answered),
        questions=len(answered),
    )
