"""A sitting with a model: what was really asked, how fast, and what was known already."""

from __future__ import annotations

import time
from collections import Counter
from copy import copy
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from videossr.wording import counted
from videossr_trainers.answering.cached import Cached
from videossr_trainers.answering.cost import Prices, Spent
from videossr_trainers.answering.throughput import Throughput
from videossr_trainers.answering.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from videossr_trainers.answering.answer import Answer, Answerer, Asked, Decoding


@dataclass(frozen=True, slots=True)
class Usage:
    """What a sitting took: time, tokens, and what was known already.

    Attributes:
        questions: that the model was asked; those whose answers were known are not among them.
        seconds: by the clock on the wall, from the first question drawn up to the last answer.
        asked: what was asked for.
        known: what a cache had, at no cost.
        repeated: what was asked for once, for the other questions of the same content.
        faults: requests to a server that brought no answer, by kind; see `Traffic`.
        throughput: where the time of a model on this machine went; None of one behind a server.
    """

    questions: int = 0
    seconds: float = 0.0
    asked: Spent = field(default_factory=Spent)
    known: Spent = field(default_factory=Spent)
    throughput: Throughput | None = None
    repeated: Spent = field(default_factory=Spent)
    faults: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Usage) -> Self:
        """Of processes side by side: what both did, in the time of the longer one."""
        parts = [one.throughput for one in (self, other) if one.throughput]
        return type(self)(
            self.questions + other.questions,
            max(self.seconds, other.seconds),
            self.asked + other.asked,
            self.known + other.known,
            sum(parts[1:], parts[0]) if parts else None,
            self.repeated + other.repeated,
            dict(Counter(self.faults) + Counter(other.faults)),
        )

    @property
    def rates(self) -> dict[str, float]:
        """By second: questions, and the tokens of prompts and answers that the model counts."""
        seconds = self.seconds or 1.0
        return {
            "questions": self.questions / seconds,
            "prompt_tokens": self.asked.prompt_tokens / seconds,
            "completion_tokens": self.asked.completion_tokens / seconds,
        }

    @property
    def whole(self) -> Spent:
        """What all answers took, whether they were asked for now or known from before."""
        return self.asked + self.known + self.repeated

    def tree(self, prices: Prices | None = None) -> dict[str, Any]:
        """As plain JSON values, with rates and the cost."""
        return {
            **asdict(self),
            "rates": self.rates,
            "prices": asdict(prices) if prices else None,
            "cost": self.asked.cost(prices) if prices else None,
        }

    @classmethod
    def read(cls, tree: Mapping[str, Any]) -> tuple[Self, Prices | None]:
        """Of a sitting, and its prices, from what `tree` gives; what an older version did not note is none."""
        throughput, prices = tree["throughput"], tree["prices"]
        usage = cls(
            tree["questions"],
            tree["seconds"],
            Spent(**tree["asked"]),
            Spent(**tree["known"]),
            Throughput(**throughput) if throughput else None,
            Spent(**tree.get("repeated", {})),
            tree.get("faults", {}),
        )
        return usage, Prices(**prices) if prices else None

    def in_words(self, prices: Prices | None = None) -> str:
        """A line for people."""
        if not self.asked.answers:
            return f"nothing; {self.known.answers:,} answers were in the cache"
        rates = self.rates
        parts = [
            self.asked.in_words(prices),
            f"{self.seconds:.0f} s, {rates['questions']:.2f} questions a second",
            f"{rates['prompt_tokens']:.0f} + {rates['completion_tokens']:.0f} tokens a second",
        ]
        if self.throughput:
            parts.append(self.throughput.shares)
        if self.known.answers:
            parts.append(f"{self.known.answers:,} more answers were in the cache")
        if self.repeated.answers:
            more = counted(self.repeated.answers, "more answer")
            parts.append(f"{more} to questions just like one of these, asked once")
        if self.faults:
            kinds = ", ".join(f"{count:,} x {kind}" for kind, count in self.faults.items())
            parts.append(f"{counted(sum(self.faults.values()), 'request')} in vain ({kinds})")
        return "; ".join(parts)


class Sitting:
    """Asks a model, and measures it.

    Args:
        answerer: who is asked; of a `Cached` one, what it knows is told apart.
    """

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self._cached = answerer if isinstance(answerer, Cached) else None
        inner = answerer.answerer if isinstance(answerer, Cached) else answerer
        found = getattr(inner, "throughput", None)
        self._throughput = found if isinstance(found, Throughput) else None
        self._before = copy(self._throughput)
        traffic = getattr(inner, "traffic", None)
        self._faults = traffic.faults if isinstance(traffic, Traffic) else Counter[str]()
        self._faults_before = copy(self._faults)
        self._known_before = self._cached.found if self._cached else Spent()
        self._repeated_before = self._cached.repeated if self._cached else Spent()
        self._heard = Spent()
        self._each = 1
        self._seconds = 0.0

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """As `Answerer.answer`."""
        begun = time.monotonic()
        self._each = decoding.answers
        try:
            for asked, answers in self.answerer.answer(questions, decoding):
                self._heard += Spent.on(answers)
                yield asked, answers
        finally:
            self._seconds += time.monotonic() - begun

    @property
    def usage(self) -> Usage:
        """What it took so far."""
        known = self._cached.found - self._known_before if self._cached else Spent()
        repeated = self._cached.repeated - self._repeated_before if self._cached else Spent()
        asked = self._heard - known - repeated
        throughput = self._throughput - self._before if self._throughput and self._before else None
        # What a server does not take is done without: nothing is wrong with the answers.
        faults = {
            kind: count
            for kind, count in (self._faults - self._faults_before).items()
            if not kind.startswith("refused ")
        }
        questions = asked.answers // self._each
        return Usage(questions, self._seconds, asked, known, throughput, repeated, faults)
