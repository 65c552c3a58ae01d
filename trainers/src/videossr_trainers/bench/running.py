"""Putting a benchmark to a model: sighted, blind and with the wrong videos, and the baselines beside it."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import asdict, replace
from importlib.metadata import version
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from videossr.benchmark import BASELINES, Constants, Graded, baselines_of, key_of, measure
from videossr_trainers.answering import Asked, Decoding
from videossr_trainers.answering.answer import identity_tree
from videossr_trainers.answering.cost import Spent
from videossr_trainers.answering.shares import Shares
from videossr_trainers.answering.sitting import Sitting, Usage
from videossr_trainers.bench.conditions import CONDITIONS, Condition, strangers
from videossr_trainers.bench.folder import Collected, Finished, Given, RunFolder
from videossr_trainers.bench.showing import Wanted, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from videossr.benchmark import Benchmark, Question, Scores
    from videossr.dataset import Recipe
    from videossr.render import Renderer
    from videossr_trainers.answering import Answer, Answerer
    from videossr_trainers.answering.cost import Prices

    #: Called with a stage, what is done of it, and what there is in all.
    Progress = Callable[[str, int, int], None]

_PACKAGES: Final = ("videossr-core", "videossr-trainers", "torch", "transformers", "av")


def run_benchmark(
    benchmark: Benchmark,
    source: Path,
    renderer: Renderer,
    answerer: Answerer | None,
    folder: Path,
    *,
    model: str = "",
    conditions: Sequence[Condition] = CONDITIONS,
    decoding: Decoding | None = None,
    prices: Prices | None = None,
    workers: int = 1,
    shares: Shares | None = None,
    progress: Progress | None = None,
) -> Finished | None:
    """Ask every question under every condition, and keep what came of it in a folder.

    A run that was ended goes on where it stopped: what has been answered is neither rendered nor asked
    again, what failed is. Conditions that are asked for later are added to those that are there; one that
    was left before all questions were asked under it is kept and in no figure.

    Args:
        benchmark: what is asked.
        source: its folder, for the report to find.
        renderer: of the benchmark's dataset.
        answerer: the model; None for the baselines alone.
        folder: of the run.
        model: what the report calls it.
        conditions: what it is shown; none without a model.
        decoding: how answers are drawn; greedily by default.
        prices: of tokens, for the cost; None where nobody has said.
        workers: threads that render.
        shares: by which several processes part the questions; only the main one writes the folder, and
            what the others were answered before is known by the cache alone.
        progress: called with the stage, what is done of it, and what there is in all.

    Returns:
        The run; None in a process that is not the main one.

    Raises:
        ConfigError: the folder holds something else; or a subtask has no wrong video.
        PluginError: a plugin failed; in making a question, in all processes, whichever has met it.
    """
    decoding = decoding or Decoding()
    asks = tuple(conditions) if answerer else ()
    recipes = benchmark.dataset.recipes
    others = strangers(recipes) if "wrong_video" in asks else []
    facts = {
        "benchmark": benchmark.digest,
        "model": identity_tree(answerer.identity) if answerer else None,
        "decoding": asdict(decoding),
        "name": model or folder.name,
        "source": str(source.resolve()),
        "root": str(benchmark.dataset.root),
        "subtasks": benchmark.subtasks,
        "videos": len({recipe.video_hash for recipe in recipes}),
        "floors": benchmark.dataset.floors,
        "seed": benchmark.dataset.config["seed"],
        "video": benchmark.dataset.config["video"],
        "modifiers": benchmark.dataset.config.get("modifiers", {}),
        "plugins": benchmark.dataset.plugins,
        "versions": {name: version(name) for name in _PACKAGES},
        "python": platform.python_version(),
    }
    shares = shares or Shares()
    with ExitStack() as held:
        filled = RunFolder(folder, facts)

        def claim() -> None:
            held.enter_context(filled)

        shares.once(claim)  # before anything is rendered or asked
        run = filled if shares.main else Collected()
        share = shares.own(range(len(recipes)))
        asking = _Asking(run, recipes, share, others, renderer, asks, workers, progress)

        def ask() -> list[Question | Given | Usage]:
            asking.put_to(answerer, decoding)
            return [] if shares.main else asking.found

        parts = shares.together(ask)
        if not shares.main:
            return None
        for one in chain.from_iterable(parts):
            asking.take_over(one)
        asking.finish(filled, benchmark, prices)
    return Finished.load(folder)


class _Asking:
    """What there is to ask, and what has come back."""

    def __init__(
        self,
        run: Collected,
        recipes: Sequence[Recipe],
        share: Sequence[int],
        others: Sequence[int],
        renderer: Renderer,
        conditions: Sequence[Condition],
        workers: int,
        progress: Progress | None,
    ) -> None:
        self._run = run
        self._recipes = {key_of(recipe): recipe for recipe in recipes}
        self._others = others
        self._renderer = renderer
        self._workers = workers
        self._progress = progress or (lambda *_: None)
        self._conditions = conditions
        keys = list(self._recipes)
        wanted = [
            Wanted(number, [c for c in conditions if (c, keys[number]) not in run.answers])
            for number in share
        ]
        self._wanted = [
            want for want in wanted if want.conditions or keys[want.number] not in run.questions
        ]
        self._total = len(share) * max(1, len(conditions))
        self._done = self._total - sum(max(1, len(want.conditions)) for want in self._wanted)
        self.usage = Usage()

    def put_to(self, answerer: Answerer | None, decoding: Decoding) -> None:
        """Ask everything there is to ask; without a model the questions alone are noted."""
        if answerer is None:
            for _ in self.questions():
                pass
            return
        sitting = Sitting(answerer)
        for asked, answers in sitting.answer(self.questions(), decoding):
            self.take(asked, answers[0])
        self.usage += sitting.usage

    def questions(self) -> Iterator[Asked]:
        """What is to be asked, as it is rendered; what cannot be is noted."""
        keys = list(self._recipes)
        recipes = list(self._recipes.values())
        for one in shown(
            self._wanted, recipes, self._others, self._renderer, workers=self._workers
        ):
            key = keys[one.number]
            if one.question:
                self._run.keep_question(one.question)
            if not self._conditions:
                self._advance()
            for condition, problem in one.problems.items():
                self._keep(condition, key, failure=f"cannot be shown: {problem}")
            for condition, sample in one.samples.items():
                yield Asked(f"{condition}/{key}", sample)

    def take(self, asked: Asked, answer: Answer) -> None:
        """Keep an answer."""
        condition, _, key = asked.key.partition("/")
        self._keep(
            condition,
            key,
            text=answer.text,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            failure=answer.failure or "",
            truncated=answer.truncated,
        )

    @property
    def found(self) -> list[Question | Given | Usage]:
        """What this process has, for `take_over`."""
        return [*self._run.questions.values(), *self._run.answers.values(), self.usage]

    def take_over(self, one: Question | Given | Usage) -> None:
        """Keep what another process has."""
        if isinstance(one, Given):
            self._run.keep_answer(one)
        elif isinstance(one, Usage):
            self.usage += one
        else:
            self._run.keep_question(one)

    def finish(self, run: RunFolder, benchmark: Benchmark, prices: Prices | None) -> None:
        """Grade everything, and write what came of it."""
        config = self._renderer.config
        questions = [run.questions[key] for key in self._recipes if key in run.questions]
        asked, left = self._conditions_of(run)
        answers = [
            self._graded(condition, key, run.given(condition, key))
            for condition in asked
            for key in self._recipes
        ]
        constants = Constants(config, benchmark.digest)
        guesses = baselines_of(
            questions,
            config,
            constants,
            lambda done, total: self._progress("baselines", done, total),
        )
        rows = [
            {"baseline": name, **asdict(guess)} for name in BASELINES for guess in guesses[name]
        ]
        graded: dict[str, list[Graded]] = {
            c: [a.graded for a in answers if a.condition == c] for c in asked
        }
        for name in BASELINES:
            graded[name] = graded_rows(questions, [asdict(guess) for guess in guesses[name]])
        floors = benchmark.dataset.floors
        scores = {
            name: scores_tree(measure(some, _known(some, floors))) for name, some in graded.items()
        }
        figures = {
            "conditions": asked,
            "left": {condition: len(some) for condition, some in left.items()},
            "as_built": sum(question.as_built for question in questions),
            "unrendered": len(self._recipes) - len(questions),
            "answers": asdict(Spent.on(answer.given for answer in answers)),
            "session": self.usage.tree(prices),
            "failures": _failures(answers),
        }
        kept = chain.from_iterable(left.values())
        run.finish(questions, [*answers, *kept], rows, scores, figures)

    def _conditions_of(
        self, run: RunFolder
    ) -> tuple[list[Condition], dict[Condition, list[Given]]]:
        """Those that all questions were asked under, and what there is under one that was left before.

        The latter has no score: the questions that it was asked first are no sample of all.
        """
        there = {
            condition: [given for key in self._recipes if (given := run.given(condition, key))]
            for condition in CONDITIONS
        }
        whole = {c for c in there if c in self._conditions or len(there[c]) == len(self._recipes)}
        left = {
            condition: [self._graded(condition, one.key, one) for one in some]
            for condition, some in there.items()
            if some and condition not in whole
        }
        return [condition for condition in CONDITIONS if condition in whole], left

    def _graded(self, condition: str, key: str, given: Given | None) -> Given:
        """An answer with its score; what has none has failed."""
        recipe = self._recipes[key]
        given = given or Given(
            condition, key, recipe.task, recipe.video_hash, failure="was not answered"
        )
        if given.failure:
            return given
        score = self._run.questions[key].score(self._renderer.task(recipe), given.text)
        return replace(given, value=score.value, parsed=score.parsed, reason=score.reason)

    def _keep(self, condition: str, key: str, **said: Any) -> None:  # noqa: ANN401 - fields of Given
        recipe = self._recipes[key]
        self._run.keep_answer(Given(condition, key, recipe.task, recipe.video_hash, **said))
        self._advance()

    def _advance(self) -> None:
        self._done += 1
        self._progress("questions", self._done, self._total)


def graded_rows(questions: Sequence[Question], rows: Sequence[Mapping[str, Any]]) -> list[Graded]:
    """A baseline's rows as they are measured."""
    by_key = {question.key: question for question in questions}
    return [
        Graded(
            row["key"],
            by_key[row["key"]].subtask,
            by_key[row["key"]].video_hash,
            row["value"],
            row["parsed"],
        )
        for row in rows
    ]


def scores_tree(scores: Scores) -> dict[str, Any]:
    """Scores as plain JSON values; intervals as mean, low, high and videos."""
    tree = asdict(scores)
    for measured in [tree["mean"], *tree["subtasks"].values()]:
        for name in ("raw", "normalised", "with_failures"):
            if measured[name] is not None:
                measured[name] = measured[name]._asdict()
    return tree


def _known(graded: Sequence[Graded], floors: Mapping[str, float]) -> dict[str, float]:
    """The floors of the subtasks that have a question."""
    there = {one.subtask for one in graded}
    return {name: floor for name, floor in floors.items() if name in there}


def _failures(answers: Sequence[Given]) -> dict[str, dict[str, int]]:
    """By condition, how many questions have no answer for which reason."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        if answer.failure:
            found[answer.condition][answer.failure] += 1
    return {condition: dict(counted) for condition, counted in found.items()}
