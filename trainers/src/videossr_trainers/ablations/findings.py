"""What an ablation did: held-out reward before and after, what of it is sight, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from videossr_trainers.ablations.bootstrap import Estimate, estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from videossr.intervals import Interval
    from videossr_trainers.ablations.results import Result

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


class Figure(NamedTuple):
    """A mean and its ends; these are None where there are too few videos, or seeds, to tell them."""

    mean: float
    low: float | None
    high: float | None


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
    """An ablation as it is reported.

    Attributes:
        name, against: the latter empty where it is compared with none, or that has no runs of these seeds.
        seeds: that were run; `paired` are those that both have.
        figures: by name, and then by task, and of the tasks' mean; None where there is none.
        curves: by task, seeds x steps, the normalised reward in training.
        cost: of a run.
    """

    name: str
    against: str
    seeds: tuple[int, ...]
    paired: tuple[int, ...]
    figures: Mapping[str, Mapping[str, Figure | None]]
    curves: Mapping[str, Sequence[Sequence[tuple[float, float]]]]
    cost: Cost


def findings_of(results: Mapping[str, Sequence[Result]]) -> list[Finding]:
    """What there is to say of each ablation, those first that are compared with none."""
    names = sorted(results, key=lambda name: (bool(results[name][0].against), name))
    return [_finding(results[name], results) for name in names]


def _finding(runs: Sequence[Result], results: Mapping[str, Sequence[Result]]) -> Finding:
    exam = runs[0].exam
    others = {one.seed: one for one in results.get(runs[0].against, ()) if one.exam == exam}
    paired = [run for run in runs if run.seed in others]
    after = _stack(runs, "after", "sighted")
    values = {
        "before": _stack(runs, "before", "sighted"),
        "after": after,
        "gain": after - _stack(runs, "before", "sighted"),
        "over_blind": after - _stack(runs, "after", "blind"),
        "over_wrong_video": after - _stack(runs, "after", "wrong_video"),
    }
    if paired:
        theirs = _stack([others[run.seed] for run in paired], "after", "sighted")
        values["difference"] = _stack(paired, "after", "sighted") - theirs
    figures = {
        name: _named(estimate(some, exam.video, exam.task), exam.tasks)
        for name, some in values.items()
    }
    figures["zero_variance"] = _zero_variance(runs)
    return Finding(
        runs[0].name,
        runs[0].against if paired else "",
        tuple(run.seed for run in runs),
        tuple(run.seed for run in paired),
        figures,
        {task: curves for task in _trained(runs) if (curves := _curves(runs, task))},
        _cost(runs),
    )


def _stack(runs: Sequence[Result], when: str, condition: str) -> NDArray[np.float64]:
    return np.stack([getattr(run, when)[condition] for run in runs])


def _named(found: Estimate, tasks: Sequence[str]) -> dict[str, Figure | None]:
    groups = [_figure(group) for group in found.groups]
    return {**dict(zip(tasks, groups, strict=True)), MEAN: _figure(found.mean)}


def _figure(found: Interval | None) -> Figure | None:
    return Figure(found.mean, found.low, found.high) if found else None


def _trained(runs: Sequence[Result]) -> list[str]:
    """The tasks that were trained on."""
    return list(runs[0].facts["config"]["tasks"])


def _zero_variance(runs: Sequence[Result]) -> dict[str, Figure | None]:
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


def _range(values: Sequence[float]) -> Figure | None:
    if len(values) == 1:
        return Figure(values[0], None, None)
    return Figure(fmean(values), min(values), max(values)) if values else None


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
