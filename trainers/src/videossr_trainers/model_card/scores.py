"""An exam from the folder of `videossr bench run`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from videossr.errors import ConfigError, DatasetError, Mistake
from videossr.intervals import Interval
from videossr_trainers.bench.folder import SCORES, read_run
from videossr_trainers.model_card.exam import Exam, ExamRow
from videossr_trainers.models.identity import folder_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def exam_of(folder: Path, model: Path) -> Exam:
    """The exam in a folder of `videossr bench run`.

    Args:
        folder: of the run.
        model: the folder of the model that the answers have to be of.

    Raises:
        ConfigError: there is no run, it is not done, or it is of another model.
        DatasetError: it is damaged.
    """
    facts = read_run(folder)
    if facts.get("state") != "done" or "sighted" not in facts.get("conditions", ()):
        right = "finish it by `videossr bench run`"
        raise ConfigError(Mistake(str(folder), "the videos were not asked about to the end", right))
    identity = facts["model"] if isinstance(facts["model"], dict) else {}
    asked = identity.get("adapter", identity.get("model"))
    if "family" in identity and asked != folder_hash(model):
        problem = f"its answers are of another model than {model}"
        right = f"`videossr bench run ... --model {model}` asks this one"
        raise ConfigError(Mistake(str(folder), problem, right))
    try:
        scores = json.loads((folder / SCORES).read_text(encoding="utf-8"))
        rows = tuple(_row(name, scores, "subtasks", name) for name in scores["sighted"]["subtasks"])
        mean = _row("mean", scores, "mean") if scores["sighted"]["mean"]["raw"] else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{folder}: damaged run: {error}") from error
    how = "`videossr bench run`, the most likely answer"
    if facts["decoding"].get("temperature"):
        how = f"`videossr bench run`, sampled at temperature {facts['decoding']['temperature']:g}"
    if "family" not in identity:
        how += f", through an endpoint, of what is served there as {facts['name']}"
    return Exam(folder.resolve().name, str(facts["benchmark"]), how, rows, mean)


def _row(name: str, scores: Mapping[str, Any], *place: str) -> ExamRow:
    def measured(condition: str) -> Any:  # noqa: ANN401 - JSON
        found = scores.get(condition)
        for part in place:
            found = found and found[part]
        return found

    def mean(condition: str) -> float | None:
        found = measured(condition)
        return found["raw"]["mean"] if found and found["raw"] else None

    own = measured("sighted")
    return ExamRow(
        name=name,
        questions=own["questions"],
        floor=own["floor"],
        score=Interval(**(own["raw"] or own["with_failures"])),
        blind=mean("blind"),
        wrong_video=mean("wrong_video"),
        unreadable=own["unparsable"],
    )
