"""What an ablation did: held-out reward before and after, what of it is sight, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from videossr.intervals import interval, interval_of_means
from videossr_trainers.ablations.series import pairing, series_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from videossr.intervals import Interval
    from videossr_trainers.ablations.results import Exam, Result
    from videossr_trainers.ablations.series import Pairing, Series

#: What is reported of an ablation, and what that means.
FIGURES: Final = {
    "before": "held-out reward before GRPO, after the warm start if there is one",
    "after": "held-out reward after GRPO",
    "gain": "after minus before, question by question",
    "over_blind": "after, with the video minus with grey frames",
    "over_wrong_video": "after, with its video minus with another question's",
    "difference": "after, minus the one that it is compared with, question by question, seed by seed",
    "zero_variance": "share of the groups in training whose answers all earned alike; with its range over seeds",
}

#: What the mean of the tasks is called among them.
MEAN: Final = "mean"


class Range(NamedTuple):
    """A mean over seeds, with the least and the greatest of them."""

    mean: float
    least: float
    greatest: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run takes, as the mean over seeds.

    Attributes:
        steps, questions, tokens: of GRPO.
        seconds: of all its steps.
        minutes: of all stages, those included that it has in common with others.
    """

    steps: float
    questions: float
    tokens: float
    seconds: float
    minutes: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A series of runs as it is reported.

    Attributes:
        series: the runs.
        pairing: those that they are compared with.
        figures: by name, and then by task, and of the tasks' mean; None where there is none.
        zero_variance: by task that was trained on, and their mean.
        curves: by task, seeds x steps, the normalised reward in training.
        cost: of a run.
    """

    series: Series
    pairing: Pairing
    figures: Mapping[str, Mapping[str, Interval | None]]
    zero_variance: Mapping[str, Range | None]
    curves: Mapping[str, Sequence[Sequence[tuple[float, float]]]]
    cost: Cost

    @property
    def tasks(self) -> tuple[str, ...]:
        """Those of the exam."""
        return self.series.exam.tasks


def findings_of(results: Mapping[str, Sequence[Result]]) -> list[Finding]:
    """What there is to say of each series of runs, those of one exam together."""
    every = series_of(results)
    return [_finding(one, pairing(one, every)) for one in every]


def _finding(series: Series, paired: Pairing) -> Finding:
    runs = series.runs
    before, after = (_stack(runs, when, "sighted") for when in ("before", "after"))
    values = {
        "before": before,
        "after": after,
        "gain": after - before,
        "over_blind": after - _stack(runs, "after", "blind"),
        "over_wrong_video": after - _stack(runs, "after", "wrong_video"),
    }
    if paired.pairs:
        own, theirs = (_stack(some, "after", "sighted") for some in zip(*paired.pairs, strict=True))
        values["difference"] = own - theirs
    return Finding(
        series,
        paired,
        {name: _by_task(some, series.exam) for name, some in values.items()},
        _zero_variance(runs),
        {task: curves for task in _trained(runs) if (curves := _curves(runs, task))},
        _cost(runs),
    )


def _stack(runs: Sequence[Result], when: str, condition: str) -> NDArray[np.float64]:
    return np.stack([getattr(run, when)[condition] for run in runs])


def _by_task(values: NDArray[np.float64], exam: Exam) -> dict[str, Interval | None]:
    """The mean of each task, and that of the tasks, which needs all of them.

    Args:
        values: [seeds, questions]; NaN where there is none.
    """
    found: dict[str, Interval | None] = {}
    for number, task in enumerate(exam.tasks):
        asked = [place for place, one in enumerate(exam.task) if one == number]
        there = np.isfinite(values[:, asked]).any()
        videos = [exam.video[place] for place in asked]
        found[task] = interval(values[:, asked], videos) if there else None
    complete = all(found.values())
    found[MEAN] = interval_of_means(values, exam.video, exam.task) if complete else None
    return found


def _trained(runs: Sequence[Result]) -> list[str]:
    """The tasks that were trained on."""
    return list(runs[0].facts["config"]["tasks"])


def _zero_variance(runs: Sequence[Result]) -> dict[str, Range | None]:
    tasks = _trained(runs)
    shares: list[dict[str, float]] = []
    for run in runs:
        own = {}
        for task in tasks:
            name = f"zero_variance/{task}"
            measured = [line[name] for line in run.steps if name in line]
            if measured:
                own[task] = fmean(measured)
        if own:
            own[MEAN] = fmean(own.values())
        shares.append(own)
    return {task: _range([own[task] for own in shares if task in own]) for task in (*tasks, MEAN)}


def _range(values: Sequence[float]) -> Range | None:
    return Range(fmean(values), min(values), max(values), len(values)) if values else None


def _curves(runs: Sequence[Result], task: str) -> list[list[tuple[float, float]]]:
    name = f"normalised/{task}"
    found = [[(line["step"], line[name]) for line in run.steps if name in line] for run in runs]
    return [curve for curve in found if curve]


def _cost(runs: Sequence[Result]) -> Cost:
    each = [_of_run(run) for run in runs]
    return Cost(*(fmean(run[i] for run in each) for i in range(5)))


def _of_run(run: Result) -> tuple[float, float, float, float, float]:
    grpo: Mapping[str, Any] = run.facts["config"]["grpo"]
    steps = len(run.steps)
    return (
        steps,
        steps * grpo["questions_per_step"],
        run.steps[-1]["num_tokens"] if run.steps else 0.0,
        sum(line["step_time"] for line in run.steps),
        sum(run.facts["seconds"].values()) / 60,
    )
