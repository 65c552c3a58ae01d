"""Asking only what has not been answered before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from videossr_trainers.answering.answer import Answerer
from videossr_trainers.answering.cache import content_key
from videossr_trainers.answering.cost import Spent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videossr_trainers.answering.answer import Answer, Asked, Decoding
    from videossr_trainers.answering.cache import AnswerCache

#: Questions with known answers that are held back at most, while the model is offered others.
_MOST_HELD: Final = 16


@runtime_checkable
class HeardAtOnce(Answerer, Protocol):
    """An answerer that passes answers on before they are taken, so that none is lost in between."""

    def ask(
        self,
        questions: Iterable[Asked],
        decoding: Decoding,
        heard: Callable[[Asked, tuple[Answer, ...]], object],
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """As `answer`; `heard` is called with each question as soon as it is through."""
        ...


class Cached:
    """An answerer that is asked only what it has not answered before.

    A question that comes twice at a time is asked once. One that failed is asked again the next time,
    all its answers with it.

    Args:
        answerer: who is asked.
        cache: of its answers, and perhaps those of others.

    Attributes:
        found: what was taken from the cache, so far.
        repeated: what came of a question that was asked just before, for others of the same content.
    """

    def __init__(self, answerer: Answerer, cache: AnswerCache) -> None:
        self.answerer: Final = answerer
        self.cache: Final = cache
        self.found = Spent()
        self.repeated = Spent()

    @property
    def identity(self) -> str:
        """That of the answerer itself."""
        return self.answerer.identity

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """As `Answerer` has it.

        Raises:
            RuntimeError: the answerer lost a question, or gave one that it was not asked.
        """
        run = _Run(self, self.identity, iter(questions), decoding)
        while not run.exhausted:
            missing = run.missing()
            first = next(missing, None)
            yield from run.take_known()
            if first is None:
                continue
            for asked, answers in run.ask(chain([first], missing)):
                yield from run.settle(asked, answers)
                yield from run.take_known()
            yield from run.take_known()
            if run.under_way:
                lost = next(iter(run.under_way.values()))[0].key
                raise RuntimeError(f"{type(self.answerer).__name__} lost the question {lost!r}")


@dataclass(slots=True)
class _Run:
    """Questions on their way through a cache.

    Attributes:
        exhausted: whether all questions have been drawn.
        under_way: what the answerer has been asked, by content: the question, and others just like it.
    """

    cached: Cached
    identity: str
    questions: Iterator[Asked]
    decoding: Decoding
    exhausted: bool = False
    under_way: dict[str, list[Asked]] = field(default_factory=dict)
    _known: deque[tuple[Asked, tuple[Answer, ...], bool]] = field(default_factory=deque)
    _contents: dict[str, str] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _twins: int = 0

    def missing(self) -> Iterator[Asked]:
        """Questions to be asked.

        Ends early where too many are held back that need not be: whoever draws questions cannot be left
        before they are answered, and in a long row of known ones, their clips would fill the memory.
        """
        for asked in self.questions:
            content = content_key(self.identity, self.decoding, asked.sample)
            answers = self.cached.cache.get(content)
            if answers is not None:
                self._known.append((asked, answers, content in self._asked))
            elif content in self.under_way:
                self.under_way[content].append(asked)
                self._twins += 1
            else:
                if asked.key in self._contents:
                    raise ValueError(f"key: {asked.key!r} for two questions; must be unique")
                self.under_way[content] = [asked]
                self._contents[asked.key] = content
                self._asked.add(content)
                yield asked
            if len(self._known) + self._twins >= _MOST_HELD:
                return
        self.exhausted = True

    def ask(self, missing: Iterable[Asked]) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """Ask, and keep each answer at the first opportunity."""
        answerer = self.cached.answerer
        if isinstance(answerer, HeardAtOnce):
            yield from answerer.ask(missing, self.decoding, self._keep)
            return
        for asked, answers in answerer.answer(missing, self.decoding):
            self._keep(asked, answers)
            yield asked, answers

    def take_known(self) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """The questions whose answers were there already."""
        while self._known:
            asked, answers, repeated = self._known.popleft()
            if repeated:
                self.cached.repeated += Spent.on(answers)
            else:
                self.cached.found += Spent.on(answers)
            yield asked, answers

    def settle(
        self, asked: Asked, answers: tuple[Answer, ...]
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """A question that was asked, and those just like it."""
        asked, *twins = self.under_way.pop(self._contents.pop(asked.key))
        self._twins -= len(twins)
        yield asked, answers
        for twin in twins:
            self.cached.repeated += Spent.on(answers)
            yield twin, answers

    def _keep(self, asked: Asked, answers: tuple[Answer, ...]) -> None:
        if asked.key not in self._contents:
            name = type(self.cached.answerer).__name__
            raise RuntimeError(f"{name} answered {asked.key!r}, which was not asked, or was before")
        if not any(answer.failure is not None for answer in answers):
            self.cached.cache.add(self._contents[asked.key], answers)
