"""A dataset on disk: a table of recipes, and what it takes to render them again.

A dataset is a folder. `recipes.parquet` has a row for each question; `dataset.json` has the resolved
configuration, the plugins and their versions, the root folder of the videos, the blind floors, and
what was left out and why; `README.md`, where a build wrote one, is the dataset's card. Pixels are
never stored.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import astuple, dataclass, field, fields, replace
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from videossr.atomic import making
from videossr.clips import Excerpt
from videossr.config.schema import MOST_FRAMES
from videossr.errors import ConfigError, DatasetError, Mistake
from videossr.floors import Floors
from videossr.parquet import inside, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Version of the folder's format.
FORMAT: Final = 3

_RECIPES: Final = "recipes.parquet"
_HEADER: Final = "dataset.json"
_CARD: Final = "README.md"

#: Videos that are looked for to see whether their folder is the right one.
_LOOKED_FOR: Final = 64

#: Bytes of the header that are read: all videos of a million may be broken.
MOST_HEADER: Final = 2**28

#: Recipes that are written at a time.
_ROWS: Final = 4096


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that it takes to make one question again.

    Attributes:
        task, index: which question of which task this is, by the task's name in the configuration.
        plugin, plugin_version: what makes it.
        settings: a hash of the task's settings and of what the configuration says of videos.
        video: path below the dataset's root, with forward slashes.
        video_hash: XXH3 of the file's bytes, 128 bits, hexadecimal.
        donor, donor_hash: another video, for perturbations that bring in its frames; empty where no
            perturbation does.
        start, stop: seconds of the first and the last frame wanted.
        num_frames: frames wanted, evenly from start to stop.
        clip: the excerpt's key: a hash of the video's content, the frames wanted, and what
            `video` in the configuration says of them; by it a store of clips finds them.
        difficulty: from 0 (easy) to 1 (hard).
        seed: a hash of root seed, task, plugin version, video, index and difficulty.
        question, answer: the text asked, and the text that scores 1.0; empty where the build has not
            rendered it.
        digest: `Sample.digest()` as rendered by the build; empty where it has not.
    """

    task: str
    plugin: str
    plugin_version: str
    settings: str
    index: int
    video: str
    video_hash: str
    donor: str
    donor_hash: str
    start: float
    stop: float
    num_frames: int
    clip: str
    difficulty: float
    seed: int
    question: str = ""
    answer: str = ""
    digest: str = ""

    @property
    def checked(self) -> bool:
        """Whether the build has rendered it, so that it is known to hold."""
        return bool(self.digest)

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


_TYPES: Final = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}

_SCHEMA: Final = pa.schema(
    [
        (column.name, pa.uint64() if column.name == "seed" else _TYPES[str(column.type)])
        for column in fields(Recipe)
    ]
)


@dataclass(frozen=True, slots=True)
class Header:
    """What holds for all recipes of a dataset.

    Attributes:
        root: folder of the videos.
        config: the resolved configuration as a plain tree.
        plugins: for each plugin in use its distribution, version and own version.
        floors: the best reward that can be had without the pixels, by task and difficulty.
        left_out: for each task the reasons why videos were passed over, counted.
        broken: videos that could not be decoded, with the reason.
    """

    root: Path
    config: Mapping[str, Any]
    plugins: Mapping[str, Mapping[str, str]]
    floors: Floors
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Recipes and their provenance."""

    recipes: tuple[Recipe, ...]
    header: Header

    @property
    def root(self) -> Path:
        """Folder of the videos."""
        return self.header.root

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration as a plain tree."""
        return self.header.config

    @property
    def plugins(self) -> Mapping[str, Mapping[str, str]]:
        """For each plugin in use its distribution, version and own version."""
        return self.header.plugins

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have recipes, in order of first appearance."""
        return tuple(dict.fromkeys(recipe.task for recipe in self.recipes))

    @property
    def floors(self) -> dict[str, float]:
        """The mean blind floor of each task's questions."""
        return {
            task: self.header.floors.mean(task, (one.difficulty for one in self.of_task(task)))
            for task in self.tasks
        }

    def of_task(self, task: str) -> tuple[Recipe, ...]:
        """The recipes of one task."""
        return tuple(recipe for recipe in self.recipes if recipe.task == task)

    def floor_of(self, recipe: Recipe) -> float:
        """The blind floor of a question."""
        return self.header.floors.at(recipe.task, recipe.difficulty)

    def refuse_moved(self) -> None:
        """Raise `ConfigError` if none of the videos is where it was when the dataset was built."""
        some = list(dict.fromkeys(recipe.video for recipe in self.recipes))[:_LOOKED_FOR]
        if some and not any((self.root / video).exists() for video in some):
            problem = "none of the dataset's videos is here, as it was when it was built"
            raise ConfigError(Mistake(str(self.root), problem, "give their folder by --root"))

    def save(self, folder: Path) -> None:
        """Write the dataset. The folder appears whole or not at all.

        Raises:
            DatasetError: something is there already.
        """
        write_dataset(folder, self.recipes, self.header)

    @classmethod
    def load(cls, folder: Path, *, root: Path | None = None) -> Dataset:
        """Read a dataset.

        Args:
            folder: of the dataset.
            root: the folder of the videos, where they are not where they were when it was built.

        Raises:
            ConfigError: there is no dataset.
            DatasetError: a damaged one, or one of another format.
        """
        if not (folder / _HEADER).exists():
            problem = f"no dataset, {_HEADER} is missing"
            raise ConfigError(Mistake(str(folder), problem, "`videossr build` makes one"))
        try:
            header = _read_header(folder, _header_text(folder / _HEADER))
            recipes = _read_recipes(folder / _RECIPES)
        except FileNotFoundError as error:
            raise DatasetError(f"{folder}: damaged dataset: {_RECIPES} is missing") from error
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DatasetError(f"{folder}: damaged dataset: {error}") from error
        for known, wanted, what in (
            (header.plugins, {recipe.plugin for recipe in recipes}, "plugins"),
            (header.floors.measured, {recipe.task for recipe in recipes}, "floors of"),
        ):
            unknown = sorted(wanted - known.keys())
            if unknown:
                raise DatasetError(
                    f"{folder}: damaged dataset: {_HEADER} says nothing of the {what} "
                    f"{', '.join(unknown)}, which {_RECIPES} has questions of"
                )
        return cls(recipes, header if root is None else replace(header, root=root))


def refuse_existing(folder: Path) -> None:
    """Raise `DatasetError` if there is something where a dataset is to be written."""
    if folder.exists():
        raise DatasetError(f"{folder}: exists already; choose another folder or remove this one")


def write_dataset(
    folder: Path,
    recipes: Iterable[Recipe],
    header: Header,
    card: Callable[[], str] | None = None,
) -> None:
    """Write a dataset, whose folder appears whole or not at all.

    Args:
        folder: to be made.
        recipes: written as they come.
        header: what holds for all of them.
        card: asked for the text of the dataset's card when all recipes have come.

    Raises:
        DatasetError: something is there already.
    """
    refuse_existing(folder)
    with making(folder) as partial:
        with pq.ParquetWriter(partial / _RECIPES, _SCHEMA, compression="zstd") as table:
            rows = iter(recipes)
            while some := list(islice(rows, _ROWS)):
                columns = zip(*map(astuple, some), strict=True)
                table.write_batch(
                    pa.RecordBatch.from_arrays(
                        [pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)],
                        schema=_SCHEMA,
                    )
                )
        (partial / _HEADER).write_text(_written(header), encoding="utf-8")
        if card is not None:
            (partial / _CARD).write_text(card(), encoding="utf-8")


def _written(header: Header) -> str:
    tree = {
        "format": FORMAT,
        "root": str(header.root),
        "config": header.config,
        "plugins": header.plugins,
        "floors": {
            task: {repr(difficulty): floor for difficulty, floor in sorted(levels.items())}
            for task, levels in header.floors.measured.items()
        },
        "left_out": header.left_out,
        "broken": header.broken,
    }
    # ASCII, since the name of a folder may hold what is not text.
    return json.dumps(tree, indent=2) + "\n"


class _Plugin(BaseModel):
    """Where a plugin in use comes from, as the header has it."""

    model_config = ConfigDict(strict=True)

    distribution: str
    version: str
    plugin_version: str


_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

#: A share that JSON has as a key, and so as text.
_Difficulty = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=False)]


class _Header(BaseModel):
    """What `dataset.json` holds beside its format."""

    model_config = ConfigDict(strict=True)

    root: str
    config: dict[str, Any]
    plugins: dict[str, _Plugin]
    floors: dict[str, Annotated[dict[_Difficulty, _Share], Field(min_length=1)]]
    left_out: dict[str, dict[str, int]]
    broken: dict[str, str]


def _read_recipes(path: Path) -> tuple[Recipe, ...]:
    """The rows of a table of recipes.

    Raises:
        OSError, ValueError, pa.ArrowException: it cannot be read, or is no such table.
    """
    table = read_table(path, _refuse_columns)
    if any(column.null_count for column in table.columns):
        raise ValueError(f"{_RECIPES} has empty cells")
    recipes = tuple(Recipe(**row) for row in table.to_pylist())
    for recipe in recipes:
        if problem := _impossible(recipe):
            raise ValueError(f"{_RECIPES}: {recipe.task} {recipe.index}: {problem}")
    keys = Counter((recipe.task, recipe.index) for recipe in recipes)
    if twice := [key for key, count in keys.items() if count > 1]:
        task, index = twice[0]
        raise ValueError(f"{_RECIPES}: {task} {index}: is there {keys[twice[0]]} times")
    return recipes


def _refuse_columns(schema: pa.Schema) -> None:
    if not schema.equals(_SCHEMA):
        found, right = (_columns(one) for one in (schema, _SCHEMA))
        raise ValueError(f"columns {found}; must be {right}")


def _impossible(recipe: Recipe) -> str:
    """What of a recipe no build writes; empty where nothing is."""
    if not (inside(recipe.video) and (not recipe.donor or inside(recipe.donor))):
        return f"the video {recipe.video!r} or {recipe.donor!r} is not below the dataset's root"
    if not 0 < recipe.num_frames <= MOST_FRAMES:
        return f"{recipe.num_frames} frames; must be 1 to {MOST_FRAMES}"
    if not (isfinite(recipe.start) and isfinite(recipe.stop)):
        return f"from {recipe.start} to {recipe.stop} s; must be finite"
    if not 0 <= recipe.difficulty <= 1:
        return f"the difficulty {recipe.difficulty}; must be from 0 to 1"
    return ""


def _header_text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_HEADER + 1)
    if len(data) > MOST_HEADER:
        raise ValueError(f"{_HEADER} has more than {MOST_HEADER / 2**20:g} MiB")
    return data.decode()


def _read_header(folder: Path, text: str) -> Header:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{folder}: damaged dataset: {_HEADER}: {error}") from error
    version = tree.get("format") if isinstance(tree, dict) else None
    if isinstance(version, bool) or version != FORMAT:
        raise DatasetError(
            f"{folder}: {_HEADER} has the format {version!r}; this version of videossr reads "
            f"format {FORMAT}; install the version that wrote it, or build the dataset again"
        )
    try:
        read = _Header.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DatasetError(
            f"{folder}: damaged dataset: {_HEADER}: {place}: {first['msg']}"
        ) from error
    return Header(
        root=Path(read.root),
        config=read.config,
        plugins={name: plugin.model_dump() for name, plugin in read.plugins.items()},
        floors=Floors(read.floors),
        left_out=read.left_out,
        broken=read.broken,
    )


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
