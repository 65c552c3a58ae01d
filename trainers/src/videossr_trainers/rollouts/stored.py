"""Rollouts on disk: what was asked in a step, what was answered, and what that was worth.

A Parquet file for each step, with a row for each completion. With the run's configuration, it is all
that it takes to grade them again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from videossr.atomic import replacing
from videossr.errors import ConfigError, DatasetError, Mistake
from videossr.parquet import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr_trainers.rollouts.groups import GradedGroup


#: Version of the files' format.
FORMAT: Final = "1"

#: The folder of a run that they lie in.
FOLDER: Final = "rollouts"

_FORMAT_KEY: Final = b"videossr.rollouts"

#: A hash of all rows, since Parquet reads some flipped bits as other figures and says nothing.
_DIGEST_KEY: Final = b"videossr.rollouts.digest"


@dataclass(frozen=True, slots=True)
class Rollout:
    """One completion as it is stored.

    Attributes:
        step: the optimizer step that learnt from it, from 1.
        group: number of its question among those of the step.
        number: its own number among the answers to that question.
        task, plugin, plugin_version, index, video, video_hash, seed, difficulty: the recipe's.
        substituted: whether the question stood in for one that could not be made.
        question, answer: the sample's own.
        target: the sample's own, as JSON.
        completion: what the model wrote, special tokens removed.
        tokens: ids of the completion.
        reward: in [0, 1].
        parsed: whether the completion had the form of an answer.
        advantage: that GRPO gave it; None where it was not at hand.
    """

    step: int
    group: int
    number: int
    task: str
    plugin: str
    plugin_version: str
    index: int
    video: str
    video_hash: str
    seed: int
    difficulty: float
    substituted: bool
    question: str
    answer: str
    target: str
    completion: str
    tokens: tuple[int, ...]
    reward: float
    parsed: bool
    advantage: float | None = None

    @property
    def context(self) -> str:
        """What a hook is called for."""
        return f"video {self.video}, seed {self.seed}"

    @property
    def truth(self) -> dict[str, Any]:
        """The sample's target."""
        return dict(json.loads(self.target))


_TYPES: Final = {
    "str": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "tuple[int, ...]": pa.list_(pa.int32()),
    "float | None": pa.float64(),
}

_SCHEMA: Final = pa.schema(
    [
        pa.field(
            column.name,
            pa.uint64() if column.name == "seed" else _TYPES[str(column.type)],
            nullable=column.name == "advantage",
        )
        for column in fields(Rollout)
    ],
    metadata={_FORMAT_KEY: FORMAT.encode()},
)


def rollouts_of(
    step: int, groups: Sequence[GradedGroup], advantages: Sequence[float] | None = None
) -> list[Rollout]:
    """The completions of a step, one after the other.

    Args:
        advantages: one for each completion, where they are at hand.
    """
    given = iter(advantages or ())
    return [
        Rollout(
            step=step,
            group=group_number,
            number=number,
            task=group.recipe.task,
            plugin=group.recipe.plugin,
            plugin_version=group.recipe.plugin_version,
            index=group.recipe.index,
            video=group.recipe.video,
            video_hash=group.recipe.video_hash,
            seed=group.recipe.seed,
            difficulty=group.recipe.difficulty,
            substituted=group.substituted,
            question=group.question,
            answer=group.answer,
            target=json.dumps(dict(group.target), sort_keys=True),
            completion=completion.text,
            tokens=completion.tokens,
            reward=completion.reward,
            parsed=completion.parsed,
            advantage=next(given, None),
        )
        for group_number, group in enumerate(groups)
        for number, completion in enumerate(group.completions)
    ]


def write_rollouts(run: Path, rollouts: Sequence[Rollout]) -> Path:
    """Write the rollouts of one step below a run's folder, in the place of an earlier file of it.

    The same rollouts give the same bytes. The file appears whole or not at all.
    """
    path = run / FOLDER / f"step_{rollouts[0].step:06d}.parquet"
    columns = [
        pa.array([getattr(rollout, field.name) for rollout in rollouts], field.type)
        for field in _SCHEMA
    ]
    schema = _SCHEMA.with_metadata({**_SCHEMA.metadata, _DIGEST_KEY: _digest(rollouts)})
    with replacing(path) as unfinished:
        table = pa.Table.from_arrays(columns, schema=schema)
        pq.write_table(table, unfinished, compression="zstd")
    return path


def rollout_files(path: Path) -> list[Path]:
    """The files of rollouts that a path stands for, by step.

    Args:
        path: a run's folder, its folder of rollouts, or one file of these.

    Raises:
        ConfigError: there are none.
    """
    if path.is_file():
        return [path]
    for folder in (path / FOLDER, path):
        if found := sorted(folder.glob("step_*.parquet")):
            return found
    problem = "no rollouts here" if path.is_dir() else "there is no such file or folder"
    right = "give a run's folder, trained with grpo.store_rollouts=true, or a file of its rollouts"
    raise ConfigError(Mistake(str(path), problem, right))


def read_rollouts(path: Path) -> list[Rollout]:
    """The rollouts of one file, in order.

    Raises:
        DatasetError: the file is damaged, or none of rollouts of this format.
    """
    try:
        table = read_table(path, partial(_refuse_foreign, path))
        rows = [Rollout(**{**row, "tokens": tuple(row["tokens"])}) for row in table.to_pylist()]
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: damaged file of rollouts: {error}") from error
    if table.schema.metadata.get(_DIGEST_KEY) != _digest(rows):
        raise DatasetError(f"{path}: damaged file of rollouts: not what was written, by its digest")
    return rows


def _refuse_foreign(path: Path, schema: pa.Schema) -> None:
    written = (schema.metadata or {}).get(_FORMAT_KEY, b"").decode("ascii", "replace")
    if not written:
        raise DatasetError(
            f"{path}: holds no rollouts; give those that a run of videossr has stored"
        )
    if written != FORMAT:
        raise DatasetError(
            f"{path}: rollouts of the format {written!r}; this version of videossr reads format "
            f"{FORMAT!r}; install the version that wrote them"
        )
    if not schema.equals(_SCHEMA):
        found, right = (", ".join(f"{f.name} {f.type}" for f in one) for one in (schema, _SCHEMA))
        raise DatasetError(f"{path}: damaged file of rollouts: columns {found}; must be {right}")


def _digest(rollouts: Sequence[Rollout]) -> bytes:
    hasher = xxhash.xxh3_128()
    for rollout in rollouts:
        row = [getattr(rollout, field.name) for field in _SCHEMA]
        hasher.update(json.dumps(row).encode() + b"\n")
    return hasher.hexdigest().encode()
