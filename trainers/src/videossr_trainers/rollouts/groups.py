"""Answers to one question, and what they earned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr.dataset import Recipe


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a group.

    Attributes:
        text: what the model wrote, special tokens removed.
        tokens: ids, the end of the answer included if it was reached.
        reward: in [0, 1].
        parsed: whether it had the form of an answer.
    """

    text: str
    tokens: tuple[int, ...]
    reward: float
    parsed: bool


@dataclass(frozen=True, slots=True)
class GradedGroup:
    """A question and the answers to it.

    Attributes:
        recipe: that the question was made from.
        question, answer, target: the sample's own.
        substituted: whether it stood in for another question.
    """

    recipe: Recipe
    question: str
    answer: str
    target: Mapping[str, Any]
    substituted: bool
    completions: tuple[Completion, ...]

    @property
    def rewards(self) -> list[float]:
        """Of the answers, in order."""
        return [completion.reward for completion in self.completions]
