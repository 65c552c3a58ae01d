"""What lies in a folder of runs: exams before and after, and what training measured."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from videossr import DatasetError, VideossrError
from videossr.floors import normalised
from videossr_trainers.ablations.began import with_content
from videossr_trainers.ablations.running import FORMAT, RUN
from videossr_trainers.bench.folder import Finished
from videossr_trainers.training.attempts import commits_of
from videossr_trainers.training.metrics import GRPO, lines_of
from videossr_trainers.training.occupied import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: Of runs that can be read. The first one's noted neither commits and launchers nor what their counterparts
#: were.
_FORMATS: Final = frozenset({1, FORMAT})

#: Stands where a run does not say, since an older version made it.
UNKNOWN: Final = "unknown"

#: What `run.json` must have, and each line of the metrics.
_NEEDED: Final = ("state", "name", "seed", "against", "plugins", "versions", "places", "config")
_MEASURED: Final = ("step", "num_tokens", "step_time")


@dataclass(frozen=True, slots=True)
class Exam:
    """The questions that runs answer, and how they do.

    Attributes:
        digest: of the benchmark.
        decoding: how answers are generated, as JSON.
        keys: of the questions, in order.
        tasks: names, in order.
        task: of each question, as the number of its task.
        video: of each question, as a number.
        floors: of the tasks.
    """

    digest: str
    decoding: str
    keys: tuple[str, ...]
    tasks: tuple[str, ...]
    task: tuple[int, ...]
    video: tuple[int, ...]
    floors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A run that is done.

    Attributes:
        name, seed: as in `run.json`, which `facts` has all of.
        against: the name of the ablation that it is to be compared with; empty for none.
        against_config: the configuration of that one as the run saw it; None where it has not noted it.
        exam: what it answered.
        before, after: normalised reward of each question by condition; NaN where there is no answer, or
            the floor of its task leaves no room.
        steps: a line of the metrics for each.
        commits: of the code that made the run and each of its stages, each once, sorted.
    """

    name: str
    seed: int
    against: str
    against_config: Mapping[str, Any] | None
    facts: Mapping[str, Any]
    exam: Exam
    before: Mapping[str, NDArray[np.float64]]
    after: Mapping[str, NDArray[np.float64]]
    steps: Sequence[Mapping[str, Any]]
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """The runs in a folder.

    Attributes:
        done: by ablation, each by seed. They need not have answered the same questions.
        unfinished: the names of those that are not done.
        unreadable: what is wrong with each of those that cannot be read.
    """

    done: Mapping[str, Sequence[Result]]
    unfinished: Sequence[str] = field(default=())
    unreadable: Sequence[str] = field(default=())


def read_results(folder: Path) -> Results:
    """The runs of a scale.

    Raises:
        DatasetError: none is done that can be read; with what is wrong with those that are there.
    """
    done: dict[str, list[Result]] = defaultdict(list)
    unfinished, unreadable = [], []
    for path in sorted(folder.glob(f"runs/*/seed-*/{RUN}")):
        try:
            facts = _facts(path)
            if facts["state"] == "done":
                result = _result(folder, with_content(facts, folder))
                done[result.name].append(result)
            else:
                unfinished.append(f"{facts['name']}, seed {facts['seed']}")
        except VideossrError as error:
            unreadable.append(str(error))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            unreadable.append(f"{path.parent}: damaged run: {type(error).__name__}: {error}")
    if not done:
        raise DatasetError("\n".join([_nothing(folder), *unreadable]))
    by_seed = {name: sorted(some, key=lambda one: one.seed) for name, some in done.items()}
    return Results(by_seed, unfinished, unreadable)


def _nothing(folder: Path) -> str:
    scales = sorted({str(path.parents[3]) for path in folder.glob(f"*/runs/*/seed-*/{RUN}")})
    if scales:
        below = ", ".join(scales)
        return f"{folder}: has the runs of each scale in a folder below; give one of {below}"
    return f"{folder}: no run is done; `videossr ablate run` makes them"


def _facts(path: Path) -> dict[str, Any]:
    """What a run says of itself."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    if facts.get("format") not in _FORMATS:
        known = " and ".join(map(str, sorted(_FORMATS)))
        raise DatasetError(f"{path}: of another format; this version of videossr reads {known}")
    needed = (*_NEEDED, "seconds") if facts.get("state") == "done" else _NEEDED
    missing = [name for name in needed if name not in facts]
    if missing:
        raise DatasetError(f"{path}: damaged: has no {', '.join(missing)}")
    return dict(facts)


def _result(folder: Path, facts: Mapping[str, Any]) -> Result:
    places = {name: folder / place for name, place in facts["places"].items()}
    before, after = (Finished.load(places[when]) for when in ("before", "after"))
    exam = _exam(after)
    if _exam(before) != exam:
        raise DatasetError(
            f"{places['before']}: other questions than in {places['after']}, or other decoding"
        )
    against = facts["against"] or {}
    if isinstance(against, str):  # an older version's, which names it alone
        against = {"name": against, "config": None}
    return Result(
        facts["name"],
        facts["seed"],
        against.get("name", ""),
        against.get("config"),
        facts,
        exam,
        _values(before, exam),
        _values(after, exam),
        _steps(places["training"]),
        tuple(sorted({*(commits_of(facts) or [UNKNOWN]), *_commits(folder, places)})),
    )


def _commits(folder: Path, places: Mapping[str, Path]) -> Iterator[str]:
    """The commits of all attempts at the stages of a run, as far as their notes are there."""
    logs = places["training"].parent / "logs"
    # The exam of a model after its warm start has the start's hash in front.
    start = folder / "starts" / places["before"].name.partition("-")[0]
    shared = (places["train_set"], places["benchmark"], places["before"], start)
    for notes in (*shared, logs / "training", logs / "exam"):
        path = notes.with_name(f"{notes.name}.json")
        if path.exists():
            yield from commits_of(json.loads(path.read_text(encoding="utf-8"))) or [UNKNOWN]
    for trained in (start, places["training"]):
        path = trained / PROVENANCE
        if path.exists():
            yield from commits_of(json.loads(path.read_text(encoding="utf-8")))


def _steps(folder: Path) -> list[dict[str, Any]]:
    steps = lines_of(folder, GRPO)
    for line in steps:
        missing = [name for name in _MEASURED if name not in line]
        if missing:
            raise DatasetError(f"{folder}: damaged metrics: a step has no {', '.join(missing)}")
    return steps


def _exam(finished: Finished) -> Exam:
    tasks = tuple(dict.fromkeys(question.subtask for question in finished.questions))
    videos = list(dict.fromkeys(question.video_hash for question in finished.questions))
    numbers = {video: number for number, video in enumerate(videos)}
    return Exam(
        finished.facts["benchmark"],
        json.dumps(finished.facts["decoding"], sort_keys=True),
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
