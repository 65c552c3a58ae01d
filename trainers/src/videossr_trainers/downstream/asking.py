"""Putting questions to a model: rendered a few ahead, and what cannot be rendered set aside."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from videossr.errors import DatasetError, VideoError
from videossr_trainers.answering import Asked
from videossr_trainers.answering.cost import Spent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from videossr.sample import Sample
    from videossr_trainers.answering import Answer, Answerer, Decoding

#: Samples that each worker renders ahead.
_AHEAD: Final = 2


@dataclass(frozen=True, slots=True)
class Asking:
    """What came of asking.

    Attributes:
        answers: by the question's key.
        broken: by the question's key, why it could not be asked.
    """

    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def spent(self) -> Spent:
        """What the answers took, whether they were asked for now or known from before."""
        return Spent.on(chain.from_iterable(self.answers.values()))


def ask(
    keys: Sequence[str],
    render: Callable[[str], Sample],
    answerer: Answerer,
    decoding: Decoding,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Asking:
    """Ask every question once.

    Args:
        keys: of the questions; those about one video in succession, so that it is decoded once.
        render: makes a question, from any thread.
        answerer: the model.
        decoding: how answers are drawn.
        workers: threads that render.
        progress: called with questions done and questions in all.

    Raises:
        PluginError: a plugin failed in making a question, which is a fault of it and not of a video.
        RuntimeError: the answerer lost a question, or answered another number of times than asked.
    """
    asking = Asking()

    def told() -> None:
        if progress:
            progress(len(asking.answers) + len(asking.broken), len(keys))

    def questions() -> Iterator[Asked]:
        for key, made in _rendered(keys, render, workers):
            try:
                sample = made.result()
            except (VideoError, DatasetError) as error:
                asking.broken[key] = str(error)
                told()
            else:
                yield Asked(key, sample)

    for asked, answers in answerer.answer(questions(), decoding):
        if len(answers) != decoding.answers:
            raise RuntimeError(f"{asked.key}: {len(answers)} answers; {decoding.answers} asked")
        asking.answers[asked.key] = tuple(answers)
        told()
    lost = [key for key in keys if key not in asking.answers and key not in asking.broken]
    if lost:
        raise RuntimeError(f"{len(lost)} questions were not answered, such as {lost[0]}")
    return asking


def _rendered(
    keys: Sequence[str], render: Callable[[str], Sample], workers: int
) -> Iterator[tuple[str, Future[Sample]]]:
    """Samples in the order of their keys, some made ahead of being asked for."""
    coming = iter(keys)
    with ThreadPoolExecutor(workers, "render") as pool:
        try:
            begun = deque(
                (key, pool.submit(render, key)) for key in islice(coming, _AHEAD * workers)
            )
            while begun:
                yield begun.popleft()
                begun.extend((key, pool.submit(render, key)) for key in islice(coming, 1))
        finally:
            # After Ctrl-C or a failure, what has not begun is let go.
            pool.shutdown(cancel_futures=True)
