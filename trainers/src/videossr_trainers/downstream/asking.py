"""Putting questions to a model: rendered a few ahead, and what cannot be rendered set aside.

Of several processes each asks its share, and the main one has what came of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from videossr.errors import DatasetError, VideoError
from videossr_trainers.answering import Asked
from videossr_trainers.answering.ahead import ahead
from videossr_trainers.answering.shares import Shares
from videossr_trainers.answering.sitting import Sitting, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from videossr.sample import Sample
    from videossr_trainers.answering import Answer, Answerer, Decoding

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Asking(Generic[_Result]):
    """What came of asking.

    Attributes:
        results: by the question's key.
        broken: by the question's key, why it could not be asked.
        usage: what the answers took, those that were asked for now apart from what was known.
    """

    results: dict[str, _Result]
    broken: dict[str, str]
    usage: Usage


def ask(
    keys: Sequence[str],
    render: Callable[[str], Sample],
    settle: Callable[[str, tuple[Answer, ...]], _Result],
    answerer: Answerer,
    decoding: Decoding,
    *,
    shares: Shares | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Asking[_Result] | None:
    """Ask every question once, and make of its answers what is to be kept.

    Args:
        keys: of the questions; those about one video in succession, so that it is decoded once.
        render: makes a question, from any thread.
        settle: makes the result of a question from its answers, after `render` and in the same process.
        answerer: the model.
        decoding: how answers are drawn.
        shares: by which several processes part the questions.
        workers: threads that render.
        progress: called with questions done and questions in all, of this process.

    Returns:
        What came of all of them; None in a process that is not the main one.

    Raises:
        PluginError: a plugin failed in making a question, which is a fault of it and not of a video; in
            all processes, whichever has met it.
        RuntimeError: the answerer lost a question, or answered another number of times than asked.
    """
    shares = shares or Shares()
    own = shares.own(keys)
    parts = shares.together(
        lambda: _asked(own, render, settle, answerer, decoding, workers, progress)
    )
    return _joined(parts) if shares.main else None


def _asked(
    keys: Sequence[str],
    render: Callable[[str], Sample],
    settle: Callable[[str, tuple[Answer, ...]], _Result],
    answerer: Answerer,
    decoding: Decoding,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Asking[_Result]:
    """One process's share of the questions."""
    results: dict[str, _Result] = {}
    broken: dict[str, str] = {}
    sitting = Sitting(answerer)

    def told() -> None:
        if progress:
            progress(len(results) + len(broken), len(keys))

    def questions() -> Iterator[Asked]:
        for key, made in ahead(keys, render, workers=workers):
            try:
                sample = made.result()
            except (VideoError, DatasetError) as error:
                broken[key] = str(error)
                told()
            else:
                yield Asked(key, sample)

    for asked, answers in sitting.answer(questions(), decoding):
        if len(answers) != decoding.answers:
            raise RuntimeError(f"{asked.key}: {len(answers)} answers; {decoding.answers} asked")
        results[asked.key] = settle(asked.key, tuple(answers))
        told()
    lost = [key for key in keys if key not in results and key not in broken]
    if lost:
        raise RuntimeError(f"{len(lost)} questions were not answered, such as {lost[0]}")
    return Asking(results, broken, sitting.usage)


def _joined(parts: Iterable[Asking[_Result]]) -> Asking[_Result]:
    """What all processes have."""
    whole: Asking[_Result] = Asking({}, {}, Usage())
    for part in parts:
        whole = Asking(
            whole.results | part.results, whole.broken | part.broken, whole.usage + part.usage
        )
    return whole
