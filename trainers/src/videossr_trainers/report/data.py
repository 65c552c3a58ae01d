"""What a report is made of. All of it is plain JSON values, save for the frames of the samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.clip import Clip
    from videossr.intervals import Interval
    from videossr.marks import Mark

# The conditions under which a model is asked: its own video, none, and another question's.
SIGHTED = "sighted"
BLIND = "blind"
WRONG_VIDEO = "wrong_video"


@dataclass(frozen=True, slots=True)
class Score:
    """How a model did on one task under one condition.

    Args:
        reward: mean raw reward in [0, 1], with its bootstrap 95 % interval.
        parse_failures: the share of completions, in [0, 1], that had not the form of an answer.
        questions: how many were asked.
    """

    reward: Interval
    parse_failures: float
    questions: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on a fixed set of questions: task -> condition -> score.

    Conditions are "sighted", which every task must have, "blind" and "wrong_video".
    """

    scores: Mapping[str, Mapping[str, Score]]


@dataclass(frozen=True, slots=True)
class TaskStep:
    """One task in one step of training.

    Args:
        reward: mean raw reward of its completions.
        zero_variance: the share of its groups in which all completions scored alike.
        parse_failures: the share of its completions that had not the form of an answer.
    """

    reward: float
    zero_variance: float
    parse_failures: float


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One step of training.

    Args:
        step: its number.
        seconds: from the start of the training to the end of the step.
        tasks: of the tasks that had questions in it.
        loss: of all tasks together.
        mean_length: tokens per completion.
        kl: divergence from the reference model, where there is one.
    """

    step: int
    seconds: float
    tasks: Mapping[str, TaskStep]
    loss: float
    mean_length: float
    kl: float | None = None


@dataclass(frozen=True, slots=True)
class ShownSample:
    """A question to look at, with what the model said before and after training."""

    task: str
    question: str
    answer: str
    completion_before: str
    completion_after: str
    reward_before: float
    reward_after: float
    difficulty: float
    clips: Sequence[Clip]
    marks: Sequence[Mark] = ()

    def __post_init__(self) -> None:
        for mark in self.marks:
            frames = len(self.clips[mark.clip]) if 0 <= mark.clip < len(self.clips) else 0
            if not 0 <= mark.start < mark.stop <= frames:
                raise ValueError(
                    f"marks: frames {mark.start} to {mark.stop} of clip {mark.clip}, which has {frames} frames; "
                    "must be a range of frames that are there"
                )


@dataclass(frozen=True, slots=True)
class Run:
    """A training run.

    Args:
        title: the headline.
        facts: versions, seeds, sizes, durations, as label -> text, in the order to be shown.
        floors: of every task, the best mean raw reward of an answer that ignores the video.
        before: the model that the training started from, after any warm start.
        after: the trained model, on the same questions.
        warm_start_loss: one a step; empty if there was none.
        steps: of the training.
        samples: to look at.
        config: the resolved configuration as YAML.
        gains: of each task after minus before, paired by question, and of the mean over tasks under
            the name "overall". What is missing is bounded by the two separate intervals, wider than
            need be.
        notes: paragraphs for the end.

    Raises:
        ValueError: the tasks of `before`, `after` and `floors` don't agree, or there are none.
    """

    title: str
    facts: Mapping[str, str]
    floors: Mapping[str, float]
    before: Evaluation
    after: Evaluation
    warm_start_loss: Sequence[float]
    steps: Sequence[StepMetrics]
    samples: Sequence[ShownSample]
    config: str
    gains: Mapping[str, Interval] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        before, after, floors = (
            sorted(tasks) for tasks in (self.before.scores, self.after.scores, self.floors)
        )
        if not after or not before == after == floors:
            raise ValueError(
                f"tasks: before {before}, after {after}, floors {floors}; must be the same, and some"
            )
        for when, evaluation in (("before", self.before), ("after", self.after)):
            for task, scores in evaluation.scores.items():
                if SIGHTED not in scores:
                    raise ValueError(f"{when}, {task}: no {SIGHTED!r} score; must have one")

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that were evaluated, in the order of `after`."""
        return tuple(self.after.scores)
