"""Downstream sets: multiple-choice questions and temporal grounding from lists of questions."""

from __future__ import annotations

from videossr_trainers.downstream.figures import Figures, by_category, figures_of
from videossr_trainers.downstream.outcome import Outcome, outcomes_of
from videossr_trainers.downstream.reading import QuestionList, Row, read_list
from videossr_trainers.downstream.truth import Grade, grade
from videossr_trainers.downstream.truths import Scorer
from videossr_trainers.downstream.videos import Videos

__all__ = [
    "Figures",
    "Grade",
    "Outcome",
    "QuestionList",
    "Row",
    "Scorer",
    "Videos",
    "by_category",
    "figures_of",
    "grade",
    "outcomes_of",
    "read_list",
]
