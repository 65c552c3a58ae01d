"""Models that a test decides on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossr_trainers.answering import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videossr_trainers.answering import Asked, Decoding


class Says:
    """A model that answers as a function says, a text or an `Answer`; the number is that of the answer."""

    identity = '{"model": "fake"}'

    def __init__(self, says: Callable[[Asked, int], str | Answer]) -> None:
        self._says = says
        self.asked: list[Asked] = []

    def answer(
        self, questions: Iterable[Asked], decoding: Decoding
    ) -> Iterator[tuple[Asked, tuple[Answer, ...]]]:
        """Answer each question as it comes."""
        for asked in questions:
            self.asked.append(asked)
            said = [self._says(asked, number) for number in range(decoding.answers)]
            yield asked, tuple(Answer(s, 10, 2) if isinstance(s, str) else s for s in said)


def truthful() -> Says:
    """A model that is always right; of several right spans it names the first."""
    return Says(lambda asked, _: asked.sample.answer.partition(", ")[0])
