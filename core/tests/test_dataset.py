"""A dataset on disk: it comes back as it was, or it is told why not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plain_recipes import RECIPE

from videossr import ConfigError, DatasetError
from videossr.dataset import Dataset, Header
from videossr.floors import Floors

DATASET = Dataset(
    recipes=(
        RECIPE,
        replace(RECIPE, index=1, seed=0),
        replace(RECIPE, task="half", plugin="halves", question="", answer="", digest=""),
    ),
    header=Header(
        root=Path("/videos/ü"),
        config={"seed": 1, "tasks": {"pick": {"weight": 1.0}}},
        plugins={
            name: {"distribution": "toy-tasks", "version": "1.2", "plugin_version": "1"}
            for name in ("pick", "halves", "dim")
        },
        floors=Floors({"pick": {0.0: 0.5, 1.0: 0.25}, "half": {0.5: 1}}),
        left_out={"pick": {"too long": 2}},
        broken={"bad.mp4": "moov atom not found"},
    ),
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The folder of a dataset."""
    DATASET.save(tmp_path / "dataset")
    return tmp_path / "dataset"


def load_error(folder: Path) -> str:
    """Why a folder cannot be loaded; the message starts with the folder."""
    with pytest.raises(DatasetError) as caught:
        Dataset.load(folder)
    start, _, rest = str(caught.value).partition(": ")
    assert str(folder) == start
    return rest


def change_header(folder: Path, path: str, value: object) -> None:
    """Give one entry of the header, by its keys, another value."""
    header = json.loads((folder / "dataset.json").read_text())
    *above, last = path.split(".")
    inner = header
    for key in above:
        inner = inner[key]
    inner[last] = value
    (folder / "dataset.json").write_text(json.dumps(header))


def change_table(folder: Path, **columns: Any) -> None:  # noqa: ANN401 - whatever Arrow takes
    """Put other columns in the place of some, or remove those that are None."""
    table = pq.read_table(folder / "recipes.parquet")
    for name, column in columns.items():
        place = table.schema.names.index(name)
        table = table.remove_column(place)
        if column is not None:
            table = table.add_column(place, name, column)
    pq.write_table(table, folder / "recipes.parquet")


# There and back


def test_a_dataset_comes_back(saved: Path) -> None:
    """Seeds of 64 bits, fractions to the last bit, names and texts of any letters."""
    assert DATASET == Dataset.load(saved)


def test_a_dataset_without_questions_comes_back(tmp_path: Path) -> None:
    """A table without rows has its columns."""
    empty = Dataset((), Header(Path("/videos"), {}, {}, Floors()))
    empty.save(tmp_path / "dataset")
    assert empty == Dataset.load(tmp_path / "dataset")


def test_a_folder_whose_name_is_no_text_comes_back(tmp_path: Path) -> None:
    """Python stands such bytes in as lone surrogates, which are no UTF-8."""
    odd = replace(DATASET, header=replace(DATASET.header, root=Path("/videos/caf\udce9")))
    odd.save(tmp_path / "dataset")
    assert odd == Dataset.load(tmp_path / "dataset")


def test_the_bytes_depend_on_the_recipes_alone(tmp_path: Path) -> None:
    """No moment and no name of the writer in the table."""
    for name in ("a", "b"):
        DATASET.save(tmp_path / name)
    files = [(tmp_path / name / "recipes.parquet").read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


def test_a_dataset_may_be_moved(saved: Path, tmp_path: Path) -> None:
    """Nothing in it depends on where it lies."""
    saved.rename(tmp_path / "moved")
    assert DATASET == Dataset.load(tmp_path / "moved")


def test_questions_are_found_by_task() -> None:
    """Tasks in order of first appearance."""
    assert ("pick", "half") == DATASET.tasks
    assert [0, 1] == [recipe.index for recipe in DATASET.of_task("pick")]
    assert () == DATASET.of_task("dim")


def test_floors_are_those_of_the_questions() -> None:
    """Halfway between two levels, halfway between their floors: (0.5 + 0.25) / 2."""
    assert {"pick": 0.375, "half": 1.0} == DATASET.floors
    assert 0.375 == DATASET.floor_of(RECIPE)
    assert 0.25 == DATASET.floor_of(replace(RECIPE, difficulty=1.0))


def test_the_videos_may_have_moved(saved: Path) -> None:
    """Whoever has them says where."""
    assert Path("/elsewhere") == Dataset.load(saved, root=Path("/elsewhere")).root
    assert Path("/videos/ü") == Dataset.load(saved).root


def test_a_question_that_was_planned_is_told_from_one_that_was_checked() -> None:
    """By its digest."""
    assert [True, True, False] == [recipe.checked for recipe in DATASET.recipes]


# Writing


def test_nothing_is_left_of_a_write_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the folder nor the half-written one beside it."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        DATASET.save(tmp_path / "out" / "dataset")
    assert [] == list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("there", ["a file", "a folder", "an empty folder"])
def test_what_is_there_is_left_alone(tmp_path: Path, there: str) -> None:
    """Even an empty folder."""
    path = tmp_path / "dataset"
    if there == "a file":
        path.write_text("mine")
    else:
        path.mkdir()
    if there == "a folder":
        (path / "mine.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match="exists already; choose another folder or remove"):
        DATASET.save(path)
    assert before == sorted(tmp_path.rglob("*"))


# Reading what is no dataset


@pytest.mark.parametrize("given", ["saved", "nowhere", "file"])
def test_what_is_no_dataset_is_a_mistake_of_whoever_gave_it(
    saved: Path, tmp_path: Path, given: str
) -> None:
    """A folder without a header, none at all, and a file; with the command that makes datasets."""
    (saved / "dataset.json").unlink()
    (tmp_path / "file").touch()
    folder = saved if given == "saved" else tmp_path / given
    expected = f"{folder}: no dataset, dataset.json is missing; `videossr build` makes one"
    with pytest.raises(ConfigError) as caught:
        Dataset.load(folder)
    assert expected == str(caught.value)


def test_a_missing_table_is_damage(saved: Path) -> None:
    """Somebody has taken it away."""
    (saved / "recipes.parquet").unlink()
    assert load_error(saved) == "damaged dataset: recipes.parquet is missing"


@pytest.mark.parametrize("name", ["dataset.json", "recipes.parquet"])
@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_file_is_told(saved: Path, name: str, keep: int) -> None:
    """Cut off, and empty."""
    (saved / name).write_bytes((saved / name).read_bytes()[:keep])
    assert load_error(saved).startswith("damaged dataset: ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="nested deeply"),
        pytest.param(b'{"format": 1, "root": "\\ud800"', id="unfinished"),
    ],
)
def test_a_hostile_header_is_told(saved: Path, text: bytes) -> None:
    """As damage, not as a traceback."""
    (saved / "dataset.json").write_bytes(text)
    assert load_error(saved).startswith("damaged dataset: ")


@pytest.mark.parametrize("text", ["[]", "null", "3", '"dataset"', "{}", '{"format": null}'])
def test_a_foreign_header_is_told(saved: Path, text: str) -> None:
    """Anything without a format is none of ours."""
    (saved / "dataset.json").write_text(text)
    assert load_error(saved).startswith("dataset.json has the format None; this version of")


@pytest.mark.parametrize("version", [2, "3", True, [3]])
def test_another_format_is_told(saved: Path, version: object) -> None:
    """With what to do about it, even where the table has another name by then."""
    change_header(saved, "format", version)
    (saved / "recipes.parquet").unlink()
    assert (
        f"dataset.json has the format {version!r}; this version of videossr reads format 3; "
        "install the version that wrote it, or build the dataset again"
    ) == load_error(saved)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("root", None, "root: Input should be a valid string"),
        ("root", 3, "root: Input should be a valid string"),
        ("config", [], "config: Input should be a valid dictionary"),
        ("plugins", ["pick"], "plugins: Input should be a valid dictionary"),
        ("plugins.pick", {}, "plugins.pick.distribution: Field required"),
        ("plugins.pick.version", 1, "plugins.pick.version: Input should be a valid string"),
        ("floors", None, "floors: Input should be a valid dictionary"),
        (
            "floors.pick",
            {},
            "floors.pick: Dictionary should have at least 1 item after validation, not 0",
        ),
        (
            "floors.pick",
            {"x": 0.5},
            "floors.pick.x.[key]: Input should be a valid number, unable to parse string as a number",
        ),
        ("floors.pick", {"2": 0.5}, "floors.pick.2.[key]: Input should be less than or equal to 1"),
        ("floors.pick", {"0": "0.5"}, "floors.pick.0: Input should be a valid number"),
        ("floors.pick", {"0": 1.5}, "floors.pick.0: Input should be less than or equal to 1"),
        ("floors.pick", {"0": float("nan")}, "floors.pick.0: Input should be a finite number"),
        ("left_out", {"pick": 3}, "left_out.pick: Input should be a valid dictionary"),
        ("broken", {"a.mp4": None}, "broken.a.mp4: Input should be a valid string"),
    ],
)
def test_a_wrong_value_in_the_header_is_told(
    saved: Path, path: str, value: object, expected: str
) -> None:
    """With its place."""
    change_header(saved, path, value)
    assert f"damaged dataset: dataset.json: {expected}" == load_error(saved)


@pytest.mark.parametrize("key", ["root", "config", "plugins", "floors", "left_out", "broken"])
def test_a_missing_entry_of_the_header_is_told(saved: Path, key: str) -> None:
    """Each of them is needed."""
    header = json.loads((saved / "dataset.json").read_text())
    del header[key]
    (saved / "dataset.json").write_text(json.dumps(header))
    assert f"damaged dataset: dataset.json: {key}: Field required" == load_error(saved)


@pytest.mark.parametrize(
    ("part", "name", "called"), [("plugins", "halves", "plugins"), ("floors", "half", "floors of")]
)
def test_a_task_that_the_header_does_not_know_is_told(
    saved: Path, part: str, name: str, called: str
) -> None:
    """Its plugin's version could not be checked, and its scores would say nothing."""
    header = json.loads((saved / "dataset.json").read_text())
    del header[part][name]
    (saved / "dataset.json").write_text(json.dumps(header))
    assert (
        f"damaged dataset: dataset.json says nothing of the {called} {name}, "
        "which recipes.parquet has questions of"
    ) == load_error(saved)


def test_wrong_columns_are_told(saved: Path) -> None:
    """A column that is missing, and one of another type."""
    change_table(saved, digest=None)
    found = load_error(saved)
    assert found.startswith(
        "damaged dataset: columns task string, plugin string, plugin_version string"
    )
    assert found.endswith("answer string, digest string")
    assert "answer string; must be" in found


def test_columns_of_another_type_are_told(saved: Path) -> None:
    """Text where numbers belong."""
    change_table(saved, index=pa.array(["0", "1", "2"]))
    assert "settings string, index string, video" in load_error(saved)


def test_a_question_that_is_there_twice_is_told(tmp_path: Path) -> None:
    """By task and number, which name it everywhere."""
    twice = replace(DATASET, recipes=(*DATASET.recipes, replace(RECIPE, video="other.mp4")))
    twice.save(tmp_path / "twice")
    with pytest.raises(DatasetError, match="pick 0: is there 2 times"):
        Dataset.load(tmp_path / "twice")


def test_empty_cells_are_told(saved: Path) -> None:
    """A recipe has all of its parts."""
    change_table(saved, seed=pa.array([1, None, 3], pa.uint64()))
    assert "damaged dataset: recipes.parquet has empty cells" == load_error(saved)
