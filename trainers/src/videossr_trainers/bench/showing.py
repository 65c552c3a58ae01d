"""Questions rendered ahead of a model that is asked, by threads, each video decoded as seldom as may be."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from videossr import DatasetError, VideoError
from videossr.benchmark import Question
from videossr_trainers.answering.ahead import ahead
from videossr_trainers.bench.conditions import Condition, blinded, with_frames_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from videossr.dataset import Recipe
    from videossr.render import Renderer
    from videossr.sample import Sample

#: What is wrong with a question or its video. A plugin's fault is none of these, and ends the run.
_BROKEN: Final = (VideoError, DatasetError)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question to be rendered.

    Attributes:
        number: of the recipe.
        conditions: under which it is to be shown; none where only the question itself is wanted.
    """

    number: int
    conditions: Sequence[Condition]


@dataclass(frozen=True, slots=True)
class Shown:
    """A question as it is shown.

    Attributes:
        number: of the recipe.
        question: None where it could not be rendered.
        samples: by condition.
        problems: by condition, why there is no sample.
    """

    number: int
    question: Question | None = None
    samples: Mapping[Condition, Sample] = field(default_factory=dict)
    problems: Mapping[Condition, str] = field(default_factory=dict)


def shown(
    wanted: Sequence[Wanted],
    recipes: Sequence[Recipe],
    strangers: Sequence[int],
    renderer: Renderer,
    *,
    workers: int,
) -> Iterator[Shown]:
    """Render questions in order, some ahead; see `answering.ahead`.

    Args:
        wanted: which, and how.
        recipes: of the benchmark.
        strangers: for each of them the number of the one whose frames are wrong; may be empty where
            no question is wanted so.
        renderer: of the benchmark.
        workers: threads; decoding runs outside of Python's lock.

    Raises:
        PluginError: a plugin failed in making a question.
    """
    samples = _Samples(recipes, renderer, 4 * workers)

    def one(want: Wanted) -> Shown:
        return _shown(want, samples, strangers)

    for _, made in ahead(wanted, one, workers=workers):
        yield made.result()


def _shown(want: Wanted, samples: _Samples, strangers: Sequence[int]) -> Shown:
    try:
        question, sample = samples.get(want.number)
    except _BROKEN as error:
        return Shown(want.number, problems=dict.fromkeys(want.conditions, str(error)))
    found: dict[Condition, Sample] = {}
    problems: dict[Condition, str] = {}
    for condition in want.conditions:
        if condition == "sighted":
            found[condition] = sample
        elif condition == "blind":
            found[condition] = blinded(sample)
        else:
            try:
                _, other = samples.get(strangers[want.number])
            except _BROKEN as error:
                problems[condition] = f"the wrong video: {error}"
                continue
            found[condition] = with_frames_of(sample, other)
    return Shown(want.number, question, found, problems)


class _Samples:
    """The last few questions that were rendered: each is shown, and then lends its frames."""

    def __init__(self, recipes: Sequence[Recipe], renderer: Renderer, kept: int) -> None:
        self._recipes = recipes
        self._renderer = renderer
        self._kept = kept
        self._lock = Lock()
        self._made: OrderedDict[int, Future[tuple[Question, Sample]]] = OrderedDict()

    def get(self, number: int) -> tuple[Question, Sample]:
        with self._lock:
            future = self._made.get(number)
            mine = future is None
            if future is None:
                future = self._made[number] = Future()
            self._made.move_to_end(number)
            while len(self._made) > self._kept:
                self._made.popitem(last=False)
        if mine:
            try:
                future.set_result(self._render(number))
            except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
                future.set_exception(error)
        return future.result()

    def _render(self, number: int) -> tuple[Question, Sample]:
        recipe = self._recipes[number]
        sample = self._renderer.render(recipe)
        clip = self._renderer.clip(recipe.excerpt)  # which is still in memory
        return Question.of(recipe, sample, clip), sample
