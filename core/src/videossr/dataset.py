"""A dataset on disk: a table of recipes, and what it takes to render them again.

A dataset is a folder of two files. `recipes.parquet` has a row for each question; `dataset.json` has
the resolved configuration, the plugins and their versions, the root folder of the videos, the blind
floors, and what was left out and why. Pixels are never stored.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from videossr.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Version of the folder's format.
FORMAT: Final = 1

_RECIPES: Final = "recipes.parquet"
_HEADER: Final = "dataset.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that it takes to make one question again.

    Attributes:
        task, index: which question of which task this is.
        video: path below the dataset's root, with forward slashes.
        video_hash: XXH3 of the file's bytes, 128 bits, hexadecimal.
        start, stop: seconds of the first and the last frame wanted.
        num_frames: frames wanted, evenly from start to stop.
        seed: a hash of root seed, task, plugin version, video, index and difficulty.
        question, answer: the text asked, and the text that scores 1.0.
        digest: `Sample.digest()` as rendered by the build.
    """

    task: str
    index: int
    video: str
    video_hash: str
    start: float
    stop: float
    num_frames: int
    difficulty: float
    seed: int
    plugin_version: str
    question: str
    answer: str
    digest: str

    @property
    def name(self) -> str:
        """What an error calls this recipe."""
        return f"{self.task} {self.index} (video {self.video}, seed {self.seed})"


_SCHEMA: Final = pa.schema(
    [
        ("task", pa.string()),
        ("index", pa.int64()),
        ("video", pa.string()),
        ("video_hash", pa.string()),
        ("start", pa.float64()),
        ("stop", pa.float64()),
        ("num_frames", pa.int32()),
        ("difficulty", pa.float64()),
        ("seed", pa.uint64()),
        ("plugin_version", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("digest", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Recipes and their provenance.

    Attributes:
        root: folder of the videos.
        config: the resolved configuration as a plain tree.
        plugins: for each plugin in use its distribution, version and own version.
        floors: for each task the best reward that can be had without the pixels.
        left_out: for each task the reasons why videos were passed over, counted.
        broken: videos that could not be decoded, with the reason.
    """

    recipes: tuple[Recipe, ...]
    root: Path
    config: Mapping[str, Any]
    plugins: Mapping[str, Mapping[str, str]]
    floors: Mapping[str, float]
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have recipes, in order of first appearance."""
        return tuple(dict.fromkeys(recipe.task for recipe in self.recipes))

    def of_task(self, task: str) -> tuple[Recipe, ...]:
        """The recipes of one task."""
        return tuple(recipe for recipe in self.recipes if recipe.task == task)

    def save(self, folder: Path) -> None:
        """Write the dataset. The folder appears whole or not at all.

        Raises:
            DatasetError: something is there already.
        """
        if folder.exists():
            raise DatasetError(
                f"{folder}: exists already; choose another folder or remove this one"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            rows = [asdict(recipe) for recipe in self.recipes]
            pq.write_table(
                pa.Table.from_pylist(rows, schema=_SCHEMA), partial / _RECIPES, compression="zstd"
            )
            header = {
                "format": FORMAT,
                "root": str(self.root),
                "config": self.config,
                "plugins": self.plugins,
                "floors": self.floors,
                "left_out": self.left_out,
                "broken": self.broken,
            }
            text = json.dumps(header, indent=2, ensure_ascii=False) + "\n"
            (partial / _HEADER).write_text(text, encoding="utf-8")
            partial.chmod(0o755)  # mkdtemp's folders are private
            os.replace(partial, folder)  # noqa: PTH105 - atomic; Path.replace says less
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """Read a dataset.

        Raises:
            DatasetError: no dataset, a damaged one, or one of a newer format.
        """
        try:
            header = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
            table = pq.read_table(folder / _RECIPES)
        except FileNotFoundError as error:
            missing = Path(str(error.filename or folder)).name
            raise DatasetError(
                f"{folder}: no dataset, {missing} is missing; `videossr build` makes one"
            ) from error
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DatasetError(f"{folder}: damaged dataset: {error}") from error
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            found = header.get("format") if isinstance(header, dict) else header
            raise DatasetError(f"{folder}: format {found!r}; this version reads format {FORMAT}")
        if table.schema.names != _SCHEMA.names:
            raise DatasetError(f"{folder}: columns {table.schema.names}; must be {_SCHEMA.names}")
        return cls(
            recipes=tuple(Recipe(**row) for row in table.to_pylist()),
            root=Path(header["root"]),
            config=header["config"],
            plugins=header["plugins"],
            floors=header["floors"],
            left_out=header["left_out"],
            broken=header["broken"],
        )


def counted(reasons: Sequence[str]) -> dict[str, int]:
    """How often each reason occurs, the most frequent first."""
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
