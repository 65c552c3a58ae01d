"""What lies in a folder of runs: exams before and after, and what training measured."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from videossr import DatasetError
from videossr.floors import normalised
from videossr_trainers.ablations.running import FORMAT, RUN
from videossr_trainers.bench.folder import Finished
from videossr_trainers.training.run_folder import GRPO, lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Exam:
    """The questions that all runs of a benchmark answer.

    Attributes:
        digest: of the benchmark.
        keys: of the questions, in order.
        tasks: names, in order.
        task: of each question, as the number of its task.
        video: of each question, as a number.
        floors: of the tasks.
    """

    digest: str
    keys: tuple[str, ...]
    tasks: tuple[str, ...]
    task: tuple[int, ...]
    video: tuple[int, ...]
    floors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A run that is done.

    Attributes:
        name, seed, against: as in `run.json`, which `facts` has the rest of.
        exam: what it answered.
        before, after: normalised reward of each question by condition; NaN where there is no answer, or
            the floor of its task leaves no room.
        steps: a line of the metrics for each.
    """

    name: str
    seed: int
    against: str
    facts: Mapping[str, Any]
    exam: Exam
    before: Mapping[str, NDArray[np.float64]]
    after: Mapping[str, NDArray[np.float64]]
    steps: Sequence[Mapping[str, Any]]


def read_results(folder: Path) -> tuple[dict[str, list[Result]], list[str]]:
    """The runs that are done, by ablation, each by seed; and the names of those that are not.

    Raises:
        DatasetError: there is none, one is damaged, or not all of them answered the same questions.
    """
    found: dict[str, list[Result]] = defaultdict(list)
    unfinished = []
    for path in sorted(folder.glob(f"runs/*/seed-*/{RUN}")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts.get("format") != FORMAT:
            raise DatasetError(
                f"{path}: of another format; this version of videossr reads {FORMAT}"
            )
        if facts["state"] == "done":
            found[facts["name"]].append(_read(folder, facts))
        else:
            unfinished.append(f"{facts['name']}, seed {facts['seed']}")
    if not found:
        raise DatasetError(f"{folder}: no run is done; `videossr ablate run` makes them")
    return {
        name: sorted(some, key=lambda one: one.seed) for name, some in found.items()
    }, unfinished


def _read(folder: Path, facts: Mapping[str, Any]) -> Result:
    places = {name: folder / place for name, place in facts["places"].items()}
    before, after = (Finished.load(places[when]) for when in ("before", "after"))
    exam = _exam(after)
    if _exam(before) != exam:
        raise DatasetError(f"{places['before']}: of other questions than {places['after']}")
    return Result(
        facts["name"],
        facts["seed"],
        facts["against"],
        facts,
        exam,
        _values(before, exam),
        _values(after, exam),
        lines_of(places["training"], GRPO),
    )


def _exam(finished: Finished) -> Exam:
    tasks = tuple(dict.fromkeys(question.subtask for question in finished.questions))
    videos = list(dict.fromkeys(question.video_hash for question in finished.questions))
    numbers = {video: number for number, video in enumerate(videos)}
    return Exam(
        finished.facts["benchmark"],
        tuple(question.key for question in finished.questions),
        tasks,
        tuple(tasks.index(question.subtask) for question in finished.questions),
        tuple(numbers[question.video_hash] for question in finished.questions),
        tuple(float(finished.facts["floors"][task]) for task in tasks),
    )


def _values(finished: Finished, exam: Exam) -> dict[str, NDArray[np.float64]]:
    found = {}
    for condition in finished.facts["conditions"]:
        values = np.full(len(exam.keys), np.nan)
        for place, key in enumerate(exam.keys):
            given = finished.answers.get((condition, key))
            floor = exam.floors[exam.task[place]]
            if given and not given.failure and floor < 1:
                values[place] = normalised(given.value, floor)
        found[condition] = values
    return found
