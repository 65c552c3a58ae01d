"""Putting a benchmark to a model: sighted, blind and with the wrong videos, and the baselines beside it."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from videossr.benchmark import BASELINES, Constants, Graded, baselines_of, measure
from videossr_trainers.answering.answer import identity_tree
from videossr_trainers.answering.cost import Spent
from videossr_trainers.answering.shares import Shares
from videossr_trainers.answering.sitting import Usage
from videossr_trainers.bench.conditions import CONDITIONS, Condition
from videossr_trainers.bench.folder import Collected, Finished, Given, RunFolder
from videossr_trainers.bench.showing import Wanted
from videossr_trainers.versions import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from videossr.benchmark import Benchmark, Question, Scores
    from videossr_trainers.answering.cost import Prices
    from videossr_trainers.bench.asking import Asker, Questions

    #: Called with a stage, what is done of it, and what there is in all.
    Progress = Callable[[str, int, int], None]

#: Why there is no answer where nothing else is known.
_LOST: Final = "was not answered"


def run_benchmark(
    benchmark: Benchmark,
    source: Path,
    asker: Asker,
    folder: Path,
    *,
    model: str = "",
    prices: Prices | None = None,
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
        asker: who asks the benchmark's questions, of which model; the baselines need none.
        folder: of the run.
        model: what the report calls it.
        prices: of tokens, for the cost; None where nobody has said.
        shares: by which several processes part the questions; only the main one writes the folder, and
            what the others were answered before is known by the cache alone.
        progress: called with the stage, what is done of it, and what there is in all.

    Returns:
        The run; None in a process that is not the main one.

    Raises:
        ConfigError: the folder holds something else.
        PluginError: a plugin failed; in making a question, in all processes, whichever has met it.
    """
    recipes = benchmark.dataset.recipes
    facts = {
        "benchmark": benchmark.digest,
        "model": None if asker.identity is None else identity_tree(asker.identity),
        "decoding": asdict(asker.decoding),
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
        "versions": versions(),
        "python": platform.python_version(),
    }
    shares = shares or Shares()
    told = progress or (lambda *_: None)
    with ExitStack() as held:
        filled = RunFolder(folder, facts)

        def claim() -> None:
            held.enter_context(filled)

        shares.once(claim)  # before anything is rendered or asked
        run = filled if shares.main else Collected()
        asking = _Asking(asker, run, shares.own(range(len(recipes))), told)

        def ask() -> list[Question | Given | Usage]:
            usage = asking.ask()
            return [*run.questions.values(), *run.answers.values(), usage]

        parts = shares.together(ask)
        if not shares.main:
            return None
        usage = Usage()
        for one in chain.from_iterable(parts):
            if isinstance(one, Usage):
                usage += one
            else:
                run.keep(one)
        _finish(filled, benchmark, asker.questions, usage, prices, told)
    return Finished.load(folder)


class _Asking:
    """What a process has to ask: what there is no answer to."""

    def __init__(
        self, asker: Asker, run: Collected, share: Sequence[int], progress: Progress
    ) -> None:
        self._asker = asker
        self._run = run
        self._progress = progress
        self._conditions = asker.questions.conditions
        keys = [*asker.questions.recipes]
        wanted = [
            Wanted(number, [c for c in self._conditions if (c, keys[number]) not in run.answers])
            for number in share
        ]
        self._wanted = [
            want for want in wanted if want.conditions or keys[want.number] not in run.questions
        ]
        self._total = len(share) * max(1, len(self._conditions))
        self._done = self._total - sum(max(1, len(want.conditions)) for want in self._wanted)

    def ask(self) -> Usage:
        """Ask it, and keep what comes back."""
        return self._asker.put(self._wanted, self._keep) if self._wanted else Usage()

    def _keep(self, one: Question | Given) -> None:
        self._run.keep(one)
        if isinstance(one, Given) or not self._conditions:
            self._done += 1
            self._progress("questions", self._done, self._total)


def _finish(
    run: RunFolder,
    benchmark: Benchmark,
    asked: Questions,
    usage: Usage,
    prices: Prices | None,
    progress: Progress,
) -> None:
    """Grade everything, and write what came of it."""
    config = asked.renderer.config
    questions = [run.questions[key] for key in asked.recipes if key in run.questions]
    conditions, left = _conditions_of(run, asked)
    answers = [
        _graded(run, asked, run.given(condition, key) or asked.given(condition, key, failure=_LOST))
        for condition in conditions
        for key in asked.recipes
    ]
    constants = Constants(config, benchmark.digest)
    guesses = baselines_of(
        questions, config, constants, lambda done, total: progress("baselines", done, total)
    )
    rows = [{"baseline": name, **asdict(guess)} for name in BASELINES for guess in guesses[name]]
    graded: dict[str, list[Graded]] = {
        c: [a.graded for a in answers if a.condition == c] for c in conditions
    }
    for name in BASELINES:
        graded[name] = graded_rows(questions, [asdict(guess) for guess in guesses[name]])
    floors = benchmark.dataset.floors
    scores = {
        name: scores_tree(measure(some, _known(some, floors))) for name, some in graded.items()
    }
    figures = {
        "conditions": conditions,
        "left": {condition: len(some) for condition, some in left.items()},
        "as_built": sum(question.as_built for question in questions),
        "unrendered": len(asked.recipes) - len(questions),
        "answers": asdict(Spent.on(answer.given for answer in answers)),
        "session": usage.tree(prices),
        "failures": _failures(answers),
    }
    kept = (_graded(run, asked, one) for one in chain.from_iterable(left.values()))
    run.finish(questions, [*answers, *kept], rows, scores, figures)


def _conditions_of(
    run: RunFolder, asked: Questions
) -> tuple[list[Condition], dict[Condition, list[Given]]]:
    """Those that all questions were asked under, and what there is under one that was left before.

    The latter has no score: the questions that it was asked first are no sample of all.
    """
    there = {
        condition: [given for key in asked.recipes if (given := run.given(condition, key))]
        for condition in CONDITIONS
    }
    whole = {c for c in there if c in asked.conditions or len(there[c]) == len(asked.recipes)}
    left = {c: some for c, some in there.items() if some and c not in whole}
    return [condition for condition in CONDITIONS if condition in whole], left


def _graded(run: Collected, asked: Questions, given: Given) -> Given:
    """An answer with its score; one that failed has none."""
    if given.failure:
        return given
    task = asked.renderer.task(asked.recipes[given.key])
    score = run.questions[given.key].score(task, given.text)
    return replace(given, value=score.value, parsed=score.parsed, reason=score.reason)


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
