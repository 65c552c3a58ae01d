"""From answers and logs to the figures of a report."""

from __future__ import annotations

import pytest
from plain_recipes import plain_recipe
from tiny_questions import random_clip
from toy_tasks import marking_task

from videossr import Sample
from videossr.facades import Score
from videossr.marks import Mark
from videossr.sample import question_prompt
from videossr_trainers.demo.examination import Answered
from videossr_trainers.demo.figures import evaluation, gains, step_metrics
from videossr_trainers.demo.figures import marks as marks_of_task


def answered(task: str, index: int, value: float, *, parsed: bool = True) -> Answered:
    """An answer with its score; every question has a video of its own."""
    recipe = plain_recipe(task, index, video=f"{task}{index}.mp4")
    return Answered(recipe, "1", Score(value, parsed=parsed))


def test_scores_are_kept_by_task_and_condition() -> None:
    """Means and parse failures, by hand."""
    sighted = [answered("a", 0, 1.0), answered("a", 1, 0.0, parsed=False), answered("b", 0, 0.5)]
    scores = evaluation({"sighted": sighted}, ["a", "b"]).scores
    assert scores["a"]["sighted"].reward.mean == 0.5
    assert scores["a"]["sighted"].parse_failures == 0.5
    assert scores["a"]["sighted"].questions == 2
    assert scores["b"]["sighted"].reward == (0.5, None, None, 1)  # of one video


def test_gains_are_paired_and_tasks_weigh_the_same() -> None:
    """By hand: a gains 0.2 on each of three questions, b gains 0.6 on one; overall (0.2 + 0.6) / 2."""
    before = [answered("a", i, 0.1 * i) for i in range(3)] + [answered("b", 0, 0.2)]
    after = [answered("a", i, 0.1 * i + 0.2) for i in range(3)] + [answered("b", 0, 0.8)]
    found = gains(before, after, ["a", "b"])
    assert found["a"] == pytest.approx((0.2, 0.2, 0.2, 3))
    assert found["b"] == (pytest.approx(0.6), None, None, 1)  # one video shows nothing
    assert found["overall"].mean == pytest.approx(0.4)


def test_steps_keep_the_tasks_that_were_in_them() -> None:
    """A step without questions of a task has no figure for it."""
    log = [
        {
            "step": 1,
            "seconds": 2.0,
            "loss": 0.5,
            "completions/mean_length": 7.0,
            "reward/a": 0.4,
            "zero_variance/a": 0.1,
            "parse_failures/a": 0.2,
        }
    ]
    (step,) = step_metrics(log, ["a", "b"])
    assert list(step.tasks) == ["a"]
    assert step.tasks["a"].zero_variance == 0.1
    assert step.kl is None


def test_marks_of_the_same_frames_are_counted() -> None:
    """A span is one mark; what lies on one frame is counted by label; others have none."""
    task = marking_task()

    def marked(*marks: tuple[int, int, str]) -> list[Mark]:
        target = {"marked": [[0, *one, None] for one in marks]}
        sample = Sample(question_prompt(None, "?"), (random_clip(0, frames=8),), "1", target)
        return marks_of_task(task, sample)

    assert [Mark(0, 2, 5, "x")] == marked((2, 5, "x"))
    assert [Mark(0, 1, 2, "box"), Mark(0, 4, 5, "2 disc, 1 box")] == marked(
        (4, 5, "disc"), (1, 2, "box"), (4, 5, "box"), (4, 5, "disc")
    )
    assert [] == marked()
