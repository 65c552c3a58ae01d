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
from typing import TYPE_CHECKING, Annotated, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from videossr.clips import Excerpt
from videossr.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Version of the folder's format.
FORMAT: Final = 2

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
        clip: the excerpt's key: a hash of the video's content, the frames wanted, and what
            `video` in the configuration says of them; by it a store of clips finds them.
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
    clip: str
    difficulty: float
    seed: int
    plugin_version: str
    question: str
    answer: str
    digest: str

    @property
    def excerpt(self) -> Excerpt:
        """The frames that the question is about."""
        return Excerpt(self.video, self.video_hash, self.start, self.stop, self.num_frames)

    @property
    def name(self) -> str:
        """What an error calls this recipe."""
        return f"{self.task} {self.index} ({self.context})"

    @property
    def context(self) -> str:
        """What a hook is called for."""
        return f"video {self.video}, seed {self.seed}"


_SCHEMA: Final = pa.schema(
    [
        ("task", pa.string()),
        ("index", pa.int64()),
        ("video", pa.string()),
        ("video_hash", pa.string()),
        ("start", pa.float64()),
        ("stop", pa.float64()),
        ("num_frames", pa.int32()),
        ("clip", pa.string()),
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
            # ASCII, since the name of a folder may hold what is not text.
            text = json.dumps(header, indent=2) + "\n"
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
            header = _read_header(folder, (folder / _HEADER).read_text(encoding="utf-8"))
            table = pq.read_table(folder / _RECIPES)
        except FileNotFoundError as error:
            missing = next(name for name in (_HEADER, _RECIPES) if not (folder / name).exists())
            raise DatasetError(
                f"{folder}: no dataset, {missing} is missing; `videossr build` makes one"
            ) from error
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DatasetError(f"{folder}: damaged dataset: {error}") from error
        if not table.schema.equals(_SCHEMA):
            found, right = (_columns(schema) for schema in (table.schema, _SCHEMA))
            raise DatasetError(f"{folder}: damaged dataset: columns {found}; must be {right}")
        if any(column.null_count for column in table.columns):
            raise DatasetError(f"{folder}: damaged dataset: {_RECIPES} has empty cells")
        recipes = tuple(Recipe(**row) for row in table.to_pylist())
        unknown = sorted({recipe.task for recipe in recipes} - header.plugins.keys())
        if unknown:
            raise DatasetError(
                f"{folder}: damaged dataset: {_HEADER} says nothing of the plugins "
                f"{', '.join(unknown)}, which {_RECIPES} has questions of"
            )
        return cls(
            recipes=recipes,
            root=Path(header.root),
            config=header.config,
            plugins={name: plugin.model_dump() for name, plugin in header.plugins.items()},
            floors=header.floors,
            left_out=header.left_out,
            broken=header.broken,
        )


class _Plugin(BaseModel):
    """Where a plugin in use comes from, as the header has it."""

    model_config = ConfigDict(strict=True)

    distribution: str
    version: str
    plugin_version: str


class _Header(BaseModel):
    """What `dataset.json` holds beside its format."""

    model_config = ConfigDict(strict=True)

    root: str
    config: dict[str, Any]
    plugins: dict[str, _Plugin]
    floors: dict[str, Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]]
    left_out: dict[str, dict[str, int]]
    broken: dict[str, str]


def _read_header(folder: Path, text: str) -> _Header:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{folder}: damaged dataset: {_HEADER}: {error}") from error
    version = header.get("format") if isinstance(header, dict) else None
    if isinstance(version, bool) or version != FORMAT:
        raise DatasetError(
            f"{folder}: {_HEADER} has the format {version!r}; this version of videossr reads "
            f"format {FORMAT}; install the version that wrote it, or build the dataset again"
        )
    try:
        return _Header.model_validate(header)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DatasetError(
            f"{folder}: damaged dataset: {_HEADER}: {place}: {first['msg']}"
        ) from error


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


def counted(reasons: Sequence[str]) -> dict[str, int]:
    """How often each reason occurs, the most frequent first."""
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
