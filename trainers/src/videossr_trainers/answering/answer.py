"""What is asked of a model, and what came back; the same whether the model is here or far away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videossr.sample import Sample


@dataclass(frozen=True, slots=True)
class Decoding:
    """How answers are drawn.

    Attributes:
        max_new_tokens: most tokens of an answer.
        answers: to each question.
        temperature: 0 takes the most likely token each time, and then all answers are one.
        seed: of the draws, where the model can be told one; each answer's own is a hash of this one,
            the question's content and the answer's number.
    """

    max_new_tokens: int = 64
    answers: int = 1
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way to a model.

    Attributes:
        key: by which its answers are told from others'; unique in a run.
        sample: what is shown and asked.
    """

    key: str
    sample: Sample


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        text: what the model said, special tokens and thoughts left out, as `videossr.completion.said`
            has it; empty where it failed.
        prompt_tokens, completion_tokens: as the model counts them; None where it does not say. Of several
            answers to a question the first carries the prompt's, so that sums are right.
        failure: why there is no answer, in words; None where there is one.
        truncated: whether the limit of tokens cut it off, as far as the model says.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failure: str | None = None
    truncated: bool = False


class Answerer(Protocol):
    """A model that can be asked."""

    @property
    def identity(self) -> str:
        """All that determines its answers beside the question and the decoding, as JSON.

        Answers are kept by it: another model, revision or way to show frames must have another.
        """
        ...

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """Ask questions, drawn as there is room for them; yield answers as they come, in any order.

        A question that fails for good is yielded with its failure; none is lost.
        """
        ...


def identity_tree(identity: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What an identity says, for files; as it is where it is no JSON."""
    try:
        return json.loads(identity)
    except ValueError:
        return identity
