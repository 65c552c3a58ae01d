"""Which videos the model that runs begin with has learnt from, as far as its folder tells.

A model in the folder of one of our runs lies beside the list of that run's videos, and the run's configuration
names the model that it began with in turn. Of a model from the hub, one that was copied out of its run, and one of
an earlier version nothing is known.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omegaconf import OmegaConf

from videossr import DatasetError
from videossr.build.overlap import contents, overlap
from videossr.wording import counted
from videossr_trainers.models.adapters import adapter_of
from videossr_trainers.models.identity import TINY
from videossr_trainers.training.occupied import CONFIG, VIDEOS, has_provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Videos that an error names.
_NAMED: Final = 3


def refuse_learnt(benchmark: Path, model: str) -> None:
    """Raise `DatasetError` if a model is known to have learnt from a video that a benchmark asks about.

    Or if the list of what it learnt from is damaged.

    Args:
        benchmark: a dataset's folder.
        model: a folder, a name on the hub, or `tiny`.
    """
    runs = list(_runs(model))
    own = contents(benchmark) if runs else {}
    faults = []
    for run in runs:
        common = overlap(str(benchmark), own, str(run), _learnt_in(run)).videos
        if common:
            named = ", ".join(common[:_NAMED]) + (", ..." if len(common) > _NAMED else "")
            faults.append(
                f"{model}: was trained in {run} on {counted(len(common), 'video')} of {benchmark}: {named}"
            )
    if faults:
        right = "train it on build.part=train under the same build.held_out, or begin with another model"
        raise DatasetError("\n".join([*faults, right]))


def _runs(model: str) -> Iterator[Path]:
    """The folders of the runs that made a model, and what it was made of."""
    ahead = [] if model == TINY else [model]
    seen = set()
    while ahead:
        folder = Path(ahead.pop()).resolve()
        if folder in seen:
            continue
        seen.add(folder)
        if adapter := adapter_of(str(folder)):
            ahead.append(adapter.base)
        run = _run_of(folder)
        if run:
            yield run
            config: Any = OmegaConf.load(run / CONFIG)
            if config.model.name != TINY:
                ahead.append(config.model.name)


def _learnt_in(run: Path) -> dict[str, str]:
    """The videos of a run, a name for each hash."""
    try:
        return dict(json.loads((run / VIDEOS).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{run / VIDEOS}: is damaged ({error})") from error


def _run_of(model: Path) -> Path | None:
    """The run in whose folder a model lies; None where that is none, or says nothing of its videos."""
    run = model.parent.parent if model.parent.name == "checkpoints" else model.parent
    made = run != model.parent or model.name in {"model", "warm_start"}
    return run if made and has_provenance(run) and (run / VIDEOS).exists() else None
