"""Runs as their folders have them, question by question."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from videossr.errors import ConfigError, DatasetError, Mistake
from videossr_trainers.downstream.figures import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videossr_trainers.downstream.figures import Kind

#: What runs must have in common, and what each is called in an error.
_SAME: Final = {
    "kind": "the kind",
    "scorer": "--scorer",
    "right_from": "--right",
}

#: What diagnoses must have in common besides: groups of another size have another chance of being all
#: alike, and so have answers drawn at another temperature.
_SAME_DRAWN: Final = {"answers": "--answers", "temperature": "--temperature"}


@dataclass(frozen=True, slots=True)
class MeasuredQuestion:
    """One question of a run.

    Attributes:
        name: unique in the run, and the same in other runs on the same questions.
        group: the category or the task; empty where it has none, or nobody knows.
        video: what is the same for videos of the same content.
        question, answer: what was asked, and the right answer.
        said: what the model said.
        values: by metric, each in [0, 1]; none where there is no answer.
    """

    name: str
    group: str = ""
    video: str = ""
    question: str = ""
    answer: str = ""
    said: str = ""
    values: Mapping[str, float] | None = None

    @property
    def content(self) -> tuple[str, str, str]:
        """What is the same for the same question in whatever list."""
        return self.video, self.question, self.answer


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """A run that is done.

    Attributes:
        name: the model's; with the folder where several runs are of that model.
        folder: of the run.
        settings: all that its result depends on.
        questions: by name, in the order of the run.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    questions: Mapping[str, MeasuredQuestion]


def read_runs(folders: Sequence[Path]) -> list[MeasuredRun]:
    """Read runs on the same questions.

    Args:
        folders: of the runs, at least two; the first is what others are compared with.

    Raises:
        DatasetError: a run is not done, or damaged.
        ConfigError: a folder without a run, fewer than two, or runs that cannot be compared, each with the
            reason.
    """
    if len(folders) < 2:  # noqa: PLR2004 - what a comparison needs
        right = "name two or more; each has a report of its own in its folder"
        raise ConfigError(Mistake(str(folders[0]), "a single run", right))
    runs = [_read(folder) for folder in folders]
    mistakes = [mistake for run in runs[1:] for mistake in _unlike(runs[0], run)]
    if mistakes:
        raise ConfigError(mistakes)
    names = [run.name for run in runs]
    return [
        MeasuredRun(
            run.name if names.count(run.name) == 1 else f"{run.name} ({run.folder})",
            run.folder,
            run.settings,
            run.questions,
        )
        for run in runs
    ]


def _read(folder: Path) -> MeasuredRun:
    settings = _json(folder / "settings.json")
    if settings is None:
        right = "`videossr eval` and `videossr diagnose` make one"
        raise ConfigError(Mistake(str(folder), "no run, settings.json is missing", right))
    results = _json(folder / "results.json")
    if results is None:
        right = "the same command again goes on with it"
        raise DatasetError(f"{folder}: the run is not done, results.json is missing; {right}")
    try:
        read = _diagnosed if settings["kind"] == "diagnose" else _evaluated
        questions = read(results, str(settings["kind"]))
        named = {one.name: one for one in questions}
        return MeasuredRun(str(settings["model"]), folder, settings, named)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{folder}: damaged run: {type(error).__name__} {error}") from error


def _json(path: Path) -> dict[str, Any] | None:
    """What a file holds; None where there is none."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: damaged: {error}") from error
    if not isinstance(tree, dict):
        raise DatasetError(f"{path}: damaged: no object")
    return tree


def _evaluated(results: Mapping[str, Any], kind: str) -> list[MeasuredQuestion]:
    """The rows of an evaluation that ask something."""
    worths = METRICS[cast("Kind", kind)]
    return [
        MeasuredQuestion(
            name=row["id"],
            group=row["category"] or "",
            video=row["content"],
            question=row["question"],
            answer=row["answer"],
            said=row["completion"] or "",
            values=None
            if row["value"] is None
            else {metric: worth(row["value"]) for metric, worth in worths.items()},
        )
        for row in results["rows"]
        if row["state"] != "malformed"
    ]


def _diagnosed(results: Mapping[str, Any], _: str) -> list[MeasuredQuestion]:
    """The questions of a diagnosis; of those that were lost there is no more than the name."""
    answered = [
        MeasuredQuestion(
            name=row["question"],
            group=row["task"],
            video=row["video"],
            question=row["prompt"],
            answer=row["answer"],
            said=f"{row['right']} of {row['of']} right",
            values={
                "mean reward": row["mean_reward"],
                "right": row["right"] / row["of"],
                "all alike, smooth": float(row["flat"]),
                "all alike, strict": float(row["strictly_flat"]),
            },
        )
        for row in results["questions"]
    ]
    lost = [*results["not_asked"], *results["not_answered"]]
    return [*answered, *map(MeasuredQuestion, lost)]


def _unlike(first: MeasuredRun, run: MeasuredRun) -> list[Mistake]:
    """Why a run cannot be compared with the first."""
    where, right = str(run.folder), "compare runs that differ in the model alone"
    diagnosed = first.settings["kind"] == run.settings["kind"] == "diagnose"
    found = [
        Mistake(
            where,
            f"{words} is {run.settings.get(name)!r}; {first.folder} has {first.settings.get(name)!r}",
            right,
        )
        for name, words in (_SAME | (_SAME_DRAWN if diagnosed else {})).items()
        if run.settings.get(name) != first.settings.get(name)
    ]
    if found or run.settings["questions"] == first.settings["questions"]:
        return found
    # The list may have been written anew with the same rows.
    if _contents(run) != _contents(first):
        ours, theirs = ({*_contents(some).values()} for some in (run, first))
        problem = (
            f"of another list of questions: {len(ours & theirs)} of its {len(ours)} are among the "
            f"{len(theirs)} of {first.folder}"
        )
        found.append(Mistake(where, problem, "put one list to both models"))
    return found


def _contents(run: MeasuredRun) -> dict[str, tuple[str, str, str]]:
    return {name: one.content for name, one in run.questions.items()}
