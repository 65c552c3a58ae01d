"""What a run's folder says of the model that it has made, or is making."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from omegaconf import OmegaConf

from videossr_trainers.models.names import missing_folder
from videossr_trainers.training.attempts import attempts_of
from videossr_trainers.training.metrics import GRPO, lines_of
from videossr_trainers.training.occupied import CONFIG, PROVENANCE, has_provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Steps at either end of a training that a mean is taken over.
_ENDS: Final = 10


@dataclass(frozen=True, slots=True)
class Learnt:
    """A task, or a task at a level, in training: mean rewards at the beginning and at the end.

    Attributes:
        floor: what the best answer earns that never sees the pixels, of the questions at the end; None for
            a level, where it is not measured.
    """

    name: str
    first: float
    last: float
    floor: float | None
    unreadable: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a run.

    Attributes:
        config: the whole configuration as plain values.
        provenance: versions, plugins, seed, the dataset and its hash.
        stage: that the last step was of; empty before the first.
        steps: taken in each stage.
        learnt: of each task in GRPO, then of each level.
        ends: steps that its means are over.
    """

    config: Mapping[str, Any]
    provenance: Mapping[str, Any]
    stage: str
    steps: Mapping[str, int]
    learnt: Sequence[Learnt]
    ends: int

    @property
    def code(self) -> str:
        """The commits of our own code, each with the step that it went on from.

        Empty where the run's folder is older than that the commit was noted.
        """
        last = self.provenance.get("commit", "")
        said = [last] if last else []
        for attempt in attempts_of(self.provenance):
            if attempt["commit"] != last:
                last = attempt["commit"]
                said.append(f"{last} from step {attempt['step']} ({attempt['stage']}) on")
        return ", ".join(said)

    @property
    def base(self) -> str | None:
        """The name on the Hugging Face Hub of the model that the run began with; None if it has none."""
        name = str(self.config["model"]["name"])
        on_hub = "/" in name and not Path(name).exists() and missing_folder(name) is None
        return name if on_hub else None

    @property
    def began_with(self) -> str:
        """That model in words; of a folder no more than its name."""
        name = str(self.config["model"]["name"])
        revision = self.config["model"].get("revision")
        if self.base:
            return f"{name}, revision {revision}" if revision else name
        if name == "tiny":
            return "a Qwen3-VL of half a million random weights, made on the spot"
        return f"a model in a folder called {Path(name).name}"


def facts_of(run: Path) -> Facts | None:
    """Read a run's folder; None if there is no run in it."""
    if not has_provenance(run):
        return None
    config: Any = OmegaConf.to_container(OmegaConf.load(run / CONFIG))
    lines = lines_of(run)
    grpo = [line for line in lines if line["stage"] == GRPO]
    ends = min(_ENDS, max(1, len(grpo) // 2))
    return Facts(
        config=config,
        provenance=json.loads((run / PROVENANCE).read_text(encoding="utf-8")),
        stage=lines[-1]["stage"] if lines else "",
        steps={line["stage"]: line["step"] for line in lines},
        learnt=_learnt(grpo, ends),
        ends=ends,
    )


def _learnt(lines: Sequence[Mapping[str, Any]], ends: int) -> list[Learnt]:
    names = {
        name.removeprefix("reward/")
        for line in lines
        for name in line
        if name.startswith("reward/")
    }
    found = []
    for name in sorted(names, key=lambda name: (name.count("/"), name)):
        asked = [line for line in lines if f"reward/{name}" in line]
        first, last = asked[:ends], asked[-ends:]
        floors = [line[f"floor/{name}"] for line in last if f"floor/{name}" in line]
        found.append(
            Learnt(
                name,
                fmean(line[f"reward/{name}"] for line in first),
                fmean(line[f"reward/{name}"] for line in last),
                fmean(floors) if floors else None,
                fmean(line.get(f"parse_failures/{name}", 0.0) for line in last),
            )
        )
    return found
