"""What answers took: tokens, and money."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from operator import add, sub
from typing import TYPE_CHECKING, Self

from videossr.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videossr_trainers.answering.answer import Answer

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens, in whatever currency."""

    prompt: float
    completion: float


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens of answers, as far as they are known.

    Attributes:
        answers: all of them, those that failed included.
        failures: those that failed.
        truncated: those that the limit of tokens cut off.
        uncounted: those that came without a count that can be believed; their tokens are in neither sum.
        prompt_tokens, completion_tokens: of the others.
    """

    answers: int = 0
    failures: int = 0
    truncated: int = 0
    uncounted: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def on(cls, answers: Iterable[Answer]) -> Self:
        """What these answers took."""
        total = cls()
        for answer in answers:
            known = answer.prompt_tokens is not None and answer.completion_tokens is not None
            failed = answer.failure is not None
            total += cls(
                1,
                failed,
                answer.truncated,
                not known and not failed,
                (answer.prompt_tokens or 0) if known else 0,
                (answer.completion_tokens or 0) if known else 0,
            )
        return total

    def __add__(self, other: Spent) -> Self:
        return type(self)(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: Spent) -> Self:
        return type(self)(*map(sub, astuple(self), astuple(other)))

    def cost(self, prices: Prices) -> float:
        """Of the tokens that were counted: a lower bound where some were not."""
        return (
            self.prompt_tokens * prices.prompt + self.completion_tokens * prices.completion
        ) / _MILLION

    def in_words(self, prices: Prices | None = None) -> str:
        """A line for people; answers are those that there are, and what failed is told beside them."""
        parts = [
            counted(self.answers - self.failures, "answer"),
            f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens",
        ]
        if prices is not None:
            bound = "at least " if self.uncounted else ""
            parts.append(f"cost {bound}{self.cost(prices):,.4f}")
        parts += [f"{self.failures:,} failed"] if self.failures else []
        parts += [f"{self.truncated:,} cut off by --max-new-tokens"] if self.truncated else []
        parts += [f"{self.uncounted:,} without a token count"] if self.uncounted else []
        return ", ".join(parts)


def shared_counts(
    prompt: int | None, completion: int | None, answers: int
) -> list[tuple[int | None, int | None]]:
    """The tokens of one request with several answers, laid on the answers so that sums stay right.

    The first carries the prompt's, each an equal share of the answers' own, the first ones the rest.
    """
    if prompt is None or completion is None:
        return [(None, None)] * answers
    share, rest = divmod(completion, answers)
    return [(0 if i else prompt, share + (i < rest)) for i in range(answers)]
