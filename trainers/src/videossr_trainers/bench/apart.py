"""A benchmark's questions asked in other processes: each has the model, and renders what it asks.

    with apart(Ray(models=True), questions, options) as asker:
        run_benchmark(benchmark, source, asker, folder)

What is answered is kept where the command was given, parcel by parcel.
"""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from videossr.errors import ConfigError, Mistake
from videossr_trainers.answering.sitting import Usage
from videossr_trainers.bench.asking import Here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videossr.benchmark import Question
    from videossr.engine import Each, Engine
    from videossr_trainers.answering import Decoding
    from videossr_trainers.answering.choice import ModelOptions
    from videossr_trainers.bench.asking import Keep, Questions
    from videossr_trainers.bench.folder import Given
    from videossr_trainers.bench.showing import Wanted

#: Batches in a parcel. Fewer would part questions that share a video; more would be lost with a process.
_BATCHES: Final = 4


@contextmanager
def apart(
    engine: Engine, questions: Questions, options: ModelOptions | None, decoding: Decoding
) -> Iterator[Apart]:
    """Have the model at the places of an engine.

    Args:
        engine: whose places have to reach the model and the videos by the same names as this process.
        questions: what there is to ask.
        options: which model, and how; None to render the questions alone.
        decoding: how answers are drawn.

    Raises:
        ConfigError: the model is behind a server, or cannot be loaded.
    """
    if options and options.endpoint is not None:
        problem = "a server is asked by one process, however many GPUs it has"
        raise ConfigError(Mistake("--engine ray", problem, "leave it out, or leave out --endpoint"))
    if options and (folder := Path(options.model)).is_dir():
        options = replace(options, model=str(folder.absolute()))  # processes work in other folders
    with engine.at(Asks(questions, options, decoding), together=_named) as each:
        most = _BATCHES * (options.batch_size if options else 1)
        yield Apart(each, questions, decoding, most)


@dataclass(frozen=True)
class Asks:
    """The work: a parcel of what is wanted in, what is to be kept out, and what it took; for None, who answers."""

    questions: Questions
    options: ModelOptions | None
    decoding: Decoding

    @contextmanager
    def begin(self) -> Iterator[Callable[[Sequence[Wanted] | None], Any]]:
        """As `Work.begin`."""
        answerer = self.options.answerer() if self.options else None
        here = Here(self.questions, answerer, self.decoding, torch.get_num_threads())

        def do(parcel: Sequence[Wanted] | None) -> Any:  # noqa: ANN401 - one or the other
            if parcel is None:
                return here.identity
            kept: list[Question | Given] = []
            usage = here.put(parcel, kept.append)
            return kept, usage

        yield do


class Apart:
    """As `Asker`, by what an engine has ready."""

    def __init__(
        self, each: Each[Any, Any], questions: Questions, decoding: Decoding, most: int
    ) -> None:
        self.questions: Final = questions
        self.decoding: Final = decoding
        self._each = each
        self._most = most
        [(_, identity)] = each([None])
        self.identity: Final[str | None] = identity

    def put(self, wanted: Sequence[Wanted], keep: Keep) -> Usage:
        """As `Asker.put`."""
        begun = time.monotonic()
        usage = Usage()
        with closing(self._each(_parcels(wanted, self._most))) as found:
            for _, (kept, took) in found:
                usage += took
                for one in kept:
                    keep(one)
        return replace(usage, seconds=time.monotonic() - begun)


def _parcels(wanted: Sequence[Wanted], most: int) -> Iterator[Sequence[Wanted]]:
    """Stretches, so that questions about one video stay together, each of so many questions to a model."""
    parcel: list[Wanted] = []
    for want in wanted:
        parcel.append(want)
        if sum(max(1, len(one.conditions)) for one in parcel) >= most:
            yield parcel
            parcel = []
    if parcel:
        yield parcel


def _named(parcel: Sequence[Wanted] | None) -> str:
    """What is asked together: a parcel is large enough, and the next goes elsewhere."""
    if parcel is None:
        return "the model"
    return f"questions {parcel[0].number + 1} to {parcel[-1].number + 1} of the benchmark"
