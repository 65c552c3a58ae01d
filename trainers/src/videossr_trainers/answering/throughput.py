"""How fast a model was asked, and where the time went."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from operator import add, sub
from typing import Self


@dataclass(slots=True)
class Throughput:
    """Counts and seconds so far, of one process.

    Attributes:
        questions: answered, failures included.
        failures: among them.
        prompt_tokens: of all questions.
        spared_tokens: of these, not computed, since another question's are the same.
        completion_tokens: of all answers.
        rendering_seconds: spent waiting for questions to be drawn up.
        encoding_seconds: spent on making of them what the model takes.
        model_seconds: spent in the model.
        halvings: of a batch that did not fit into memory.
    """

    questions: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    spared_tokens: int = 0
    completion_tokens: int = 0
    rendering_seconds: float = 0.0
    encoding_seconds: float = 0.0
    model_seconds: float = 0.0
    halvings: int = 0

    def __add__(self, other: Throughput) -> Self:
        return type(self)(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: Throughput) -> Self:
        return type(self)(*map(sub, astuple(self), astuple(other)))

    @property
    def shares(self) -> str:
        """Where the time went, in words."""
        seconds = self.seconds or 1.0
        return (
            f"{self.rendering_seconds / seconds:.0%} of the time rendering, "
            f"{self.model_seconds / seconds:.0%} in the model"
        )

    @property
    def seconds(self) -> float:
        """All that was spent."""
        return self.rendering_seconds + self.encoding_seconds + self.model_seconds

    def __str__(self) -> str:
        seconds = self.seconds or 1.0
        spared = self.spared_tokens / (self.prompt_tokens or 1)
        return (
            f"{self.questions / seconds:.2f} questions a second, "
            f"{self.prompt_tokens / seconds:.0f} prompt tokens ({spared:.0%} shared) and "
            f"{self.completion_tokens / seconds:.1f} completion tokens a second; {self.shares}"
        )
