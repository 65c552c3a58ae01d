"""A dataset as a benchmark: every question checked, all of it under one digest."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Final

import xxhash

from videossr.build.overlap import contents, overlap
from videossr.dataset import Dataset
from videossr.errors import ConfigError, DatasetError, Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr.config import RunConfig

#: Videos in common that an error names.
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A checked dataset.

    Attributes:
        dataset: whose tasks are the subtasks.
        digest: XXH3, 128 bits, hexadecimal, of every recipe with the pixels that it was checked with,
            and of the modifiers. Scores of runs with the same digest may be compared.
    """

    dataset: Dataset
    digest: str

    @classmethod
    def load(cls, folder: Path, *, root: Path | None = None) -> Benchmark:
        """Read a benchmark.

        Args:
            folder: of the dataset.
            root: the folder of the videos, where they are not where they were when it was built.

        Raises:
            ConfigError: there is no dataset.
            DatasetError: a damaged one, or one with questions that were only planned.
        """
        try:
            dataset = Dataset.load(folder, root=root)
        except ConfigError as error:
            right = "`videossr bench build` makes a benchmark"
            raise ConfigError([replace(one, right=right) for one in error.mistakes]) from error
        planned = sum(not recipe.checked for recipe in dataset.recipes)
        if planned or not dataset.recipes:
            found = f"{planned} of its {len(dataset.recipes)} questions are not checked"
            right = "`videossr bench build` checks all of them"
            raise DatasetError(f"{folder}: no benchmark: {found}; {right}")
        hasher = xxhash.xxh3_128(json.dumps(dataset.config.get("modifiers", {})).encode())
        for recipe in dataset.recipes:
            hasher.update(repr(astuple(recipe)).encode())
        return cls(dataset, hasher.hexdigest())

    @property
    def subtasks(self) -> dict[str, int]:
        """How many questions each has."""
        return {task: len(self.dataset.of_task(task)) for task in self.dataset.tasks}


def refuse_planned(config: RunConfig) -> None:
    """Raise `ConfigError` if a build by this configuration would not check its questions."""
    if not config.build.check:
        right = "set build.check=true: a benchmark's questions have to hold"
        raise ConfigError(Mistake("build.check", "false", right))


def refuse_overlap(benchmark: Path, others: Sequence[Path]) -> None:
    """Raise `DatasetError` if a benchmark, or a table of videos, has a video in common with others.

    Videos are compared by the hash of their bytes; those that frames are only borrowed from count too.

    Args:
        benchmark: a dataset's folder or a video table.
        others: datasets or video tables, such as a training set.
    """
    own = contents(benchmark)
    faults = []
    for other in others:
        common = overlap(str(benchmark), own, str(other), contents(other)).videos
        if common:
            named = ", ".join(common[:_NAMED]) + (", ..." if len(common) > _NAMED else "")
            faults.append(f"{other}: {len(common)} videos in common with {benchmark}: {named}")
    if faults:
        right = "build both with build.held_out, one with build.part=train, one with held_out"
        raise DatasetError("\n".join([*faults, right]))
