"""The right answers of a list, and what a completion is worth against them.

Each kind of answer is a `Truth`: it says in the prompt what form an answer has, reads a completion, and
grades it. What is stated in a list is read by the same rules as what a model says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from videossr.errors import Unparsable
from videossr_trainers.downstream.form import bare, folded
from videossr_trainers.downstream.spans import Span, best_iou, read_span
from videossr_trainers.downstream.values import closeness, read_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr_trainers.downstream.options import Options


@dataclass(frozen=True, slots=True)
class Grade:
    """What a completion is worth.

    Attributes:
        value: in [0, 1]; 0 where it could not be read.
        said: the answer in the one form that all ways of saying it share; what could not be read, as it is.
        parsed: whether it had the form of an answer.
        reason: why not, where it had not.
    """

    value: float
    said: str
    parsed: bool = True
    reason: str = ""


class Truth(Protocol):
    """The right answer to one question."""

    @property
    def shown(self) -> str:
        """The right answer in words."""
        ...

    def prompt(self, question: str) -> str:
        """The question with the form that an answer must have."""
        ...

    def worth(self, completion: str) -> tuple[float, str]:
        """The value of a completion in [0, 1], and the answer that it states.

        Raises:
            Unparsable: it has not the form of an answer.
        """
        ...


def grade(truth: Truth, completion: str) -> Grade:
    """Grade a completion; one without the form of an answer is worth 0, and says why."""
    try:
        value, answer = truth.worth(completion)
    except Unparsable as error:
        return Grade(0.0, completion.strip(), parsed=False, reason=str(error))
    return Grade(value, answer)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option is right, named by its label or its text."""

    options: Options
    label: str

    @property
    def shown(self) -> str:
        """The label, and the text where it is known."""
        return self.options.named(self.label)

    def prompt(self, question: str) -> str:
        """The question, its options a line each, and the labels to choose from."""
        return "\n".join([question, *self.options.lines, self.options.instruction])

    def worth(self, completion: str) -> tuple[float, str]:
        """1 for the right option, 0 for another."""
        chosen = self.options.read(completion)
        return float(chosen == self.label), chosen


@dataclass(frozen=True, slots=True)
class Exact:
    """A text is right, or any of several; letter case, white space and form don't matter."""

    accepted: Sequence[str]

    @property
    def shown(self) -> str:
        """The accepted texts."""
        return " / ".join(self.accepted)

    def prompt(self, question: str) -> str:
        """The question, and that the answer is short."""
        return f"{question}\nAnswer with a word or a short phrase alone."

    def worth(self, completion: str) -> tuple[float, str]:
        """1 for one of the accepted texts, 0 for any other."""
        stated = folded(bare(completion))
        return float(any(stated == folded(bare(text)) for text in self.accepted)), stated


@dataclass(frozen=True, slots=True)
class Number:
    """A number is right, and others are worth the more the closer they are."""

    number: float

    @property
    def shown(self) -> str:
        """The number as short as can be."""
        return f"{self.number:.15g}"

    def prompt(self, question: str) -> str:
        """The question, and that the answer is a number."""
        return f"{question}\nAnswer with the number alone, in digits."

    def worth(self, completion: str) -> tuple[float, str]:
        """1 for the number itself, less by the relative error of another, 0 from 100 % on."""
        stated = read_number(completion)
        return closeness(stated, self.number), f"{stated:.15g}"


@dataclass(frozen=True, slots=True)
class Spans:
    """A span of time is right, or any of several."""

    spans: Sequence[Span]

    @property
    def shown(self) -> str:
        """The spans in seconds."""
        return ", ".join(map(str, self.spans))

    def prompt(self, question: str) -> str:
        """The question, or what to look for, and how to state a span."""
        asked = question if question.endswith("?") else f"When does this happen: {question}"
        form = "one decimal each, joined by a hyphen, as in 14.5-26.2."
        return f"{asked}\nAnswer with the start and the end in seconds alone, {form}"

    def worth(self, completion: str) -> tuple[float, str]:
        """The temporal intersection over union with the span that it fits best."""
        stated = read_span(completion)
        return best_iou(stated, self.spans), str(stated)
