"""What runs are called on a page: no more of a path than tells it from the others."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr_trainers.bench.folder import Finished

#: Parts of a path that are always kept: a name on the hub has as many, and a last one alone is often `model`.
_KEPT: Final = 2

#: What a run is called in the place of a model where there was none.
_NO_MODEL: Final = "no model"


def run_names(runs: Sequence[Finished]) -> list[str]:
    """Models by the ends of their paths, with the runs' folders where models are called the same."""
    whole = [run.facts["name"] if run.facts["model"] is not None else _NO_MODEL for run in runs]
    models = shortened(whole)
    folders = shortened([str(run.folder) for run in runs])
    return [
        f"{models[name]} ({folders[str(run.folder)]})" if whole.count(name) > 1 else models[name]
        for name, run in zip(whole, runs, strict=True)
    ]


def shortened(names: Sequence[str]) -> Mapping[str, str]:
    """For each name its last two parts between slashes, or more where those are another's too."""
    parts = {name: PurePath(name).parts for name in names}

    def short(name: str) -> str:
        others = [parts[other] for other in parts if other != name]
        for kept in range(_KEPT, len(parts[name])):
            end = parts[name][-kept:]
            if all(other[-kept:] != end for other in others):
                return "/".join(end)
        return name

    return {name: short(name) for name in names}
