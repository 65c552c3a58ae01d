"""What a model scored on questions it was not trained on, as a card tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videossr.intervals import Interval


@dataclass(frozen=True, slots=True)
class ExamRow:
    """One task, or one task at one level; everything times 100.

    Attributes:
        floor: what the best answer earns that never sees the pixels.
        score: with the video.
        before: of the model that training began with; None where it is not known.
        blind, wrong_video: the means without the video, and with another question's; None likewise.
        unreadable: answers that had not the form of one.
    """

    name: str
    questions: int
    floor: float
    score: Interval
    before: Interval | None = None
    blind: float | None = None
    wrong_video: float | None = None
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Exam:
    """Scores on one set of questions.

    Attributes:
        name: what the set is called.
        digest: of its questions; empty where they have none.
        how: who asked, and how, in words.
        rows: of tasks or subtasks.
        mean: of the rows, each counting alike; None where there is no such interval.
    """

    name: str
    digest: str
    how: str
    rows: tuple[ExamRow, ...]
    mean: ExamRow | None = None
