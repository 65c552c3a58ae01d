"""A table, a dataset or a video from a stranger stays in its folder, and takes no more memory than it may."""

from __future__ import annotations

import os
from dataclasses import astuple, fields, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_recipes import plain_recipe

from videossr import ConfigError, DatasetError, VideoError, parquet
from videossr import dataset as datasets
from videossr.dataset import Dataset, Header, Recipe
from videossr.floors import Floors
from videossr.procedural import write_videos
from videossr.scan.search import find
from videossr.video.container import open_video
from videossr.video_table import VideoRow, read_table, write_table

if TYPE_CHECKING:
    from pathlib import Path

#: Paths that lead out of their folder, or nowhere.
OUTSIDE = ["../secret.mp4", "a/../../b.mp4", "/etc/passwd", "", ".", "a\0.mp4"]

RECIPE = plain_recipe("pick", 0)


def saved(folder: Path, recipe: Recipe) -> Path:
    """A dataset of one recipe."""
    plugin = {"distribution": "toys", "version": "1", "plugin_version": "1"}
    floors = Floors({"pick": {0.5: 0.5}})
    Dataset((recipe,), Header(folder, {}, {"pick": plugin}, floors)).save(folder / "set")
    return folder / "set"


def bomb(path: Path, like: Path, text: str, rows: int) -> Path:
    """A Parquet file with the columns of another, that names one text in every cell of many rows."""
    schema = pq.read_schema(like)
    numbers = pa.array([0] * rows, pa.int32())
    columns = [
        pa.DictionaryArray.from_arrays(numbers, pa.array([text]))
        if pa.types.is_string(field.type)
        else pa.array([0] * rows).cast(field.type)
        for field in schema
    ]
    kinds = [pa.field(f.name, c.type, f.nullable) for f, c in zip(schema, columns, strict=True)]
    # Without Arrow's note of the schema the columns are texts like any others.
    with pq.ParquetWriter(path, pa.schema(kinds), compression="zstd", store_schema=False) as file:
        file.add_key_value_metadata(schema.metadata or {})
        file.write_table(pa.Table.from_arrays(columns, schema=pa.schema(kinds)))
    return path


# Paths


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_row_outside_of_the_root_is_refused(tmp_path: Path, path: str) -> None:
    """A scan writes none, so the table is not used at all."""
    table = tmp_path / "videos.parquet"
    write_table([VideoRow("fine.mp4", "ok"), VideoRow(path, "ok")], table, tmp_path)
    with pytest.raises(DatasetError, match="is not below the table's root"):
        read_table(table)


@pytest.mark.parametrize("column", ["video", "donor"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_a_recipe_about_a_video_outside_of_the_root_is_refused(
    tmp_path: Path, column: str, path: str
) -> None:
    """Its own and the one that brings in frames; which may be none."""
    changed: dict[str, Any] = {column: path}
    folder = saved(tmp_path, replace(RECIPE, **changed))
    if column == "donor" and not path:
        assert "" == Dataset.load(folder).recipes[0].donor
        return
    with pytest.raises(DatasetError, match="is not below the dataset's root"):
        Dataset.load(folder)


@settings(max_examples=50)
@given(st.text(max_size=9) | st.lists(st.sampled_from(["..", ".", "a", "", "..."])).map("/".join))
def test_what_is_inside_stays_inside(path: str) -> None:
    """Whatever the path; by its words, as it is joined and normalised."""
    if parquet.inside(path):
        there = os.path.normpath(os.path.join("/there/videos", path))  # noqa: PTH118 - as text
        assert there.startswith("/there/videos/")


def test_a_scan_leaves_its_root_by_no_detour(tmp_path: Path) -> None:
    """A path that goes up again is outside, though it begins with the root."""
    (tmp_path / "root").mkdir()
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ConfigError, match="is not below"):
        find([tmp_path / "root" / ".." / "a.mp4"], tmp_path / "root")


# Memory


def test_a_small_file_of_many_long_texts_is_refused(tmp_path: Path) -> None:
    """Of half a megabyte, whose 300,000 rows name one text of two kilobytes in every cell."""
    table = tmp_path / "videos.parquet"
    write_table([], table, tmp_path)
    evil = bomb(tmp_path / "evil.parquet", table, "x" * 2000, 300_000)
    assert evil.stat().st_size < 2**20
    with pytest.raises(DatasetError, match="would take more than 4 GiB of memory"):
        read_table(evil)
    folder = saved(tmp_path, RECIPE)
    bomb(folder / "recipes.parquet", folder / "recipes.parquet", "x" * 2000, 300_000)
    with pytest.raises(DatasetError, match="would take more than 4 GiB of memory"):
        Dataset.load(folder)


def test_rows_beyond_number_are_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the file says of itself, and where it lies by what it holds."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": pa.array(["x"] * 1000)}), path)
    monkeypatch.setattr(parquet, "MOST_BYTES", 1000 * 64 + 1000)
    assert 1000 == len(parquet.read_table(path, lambda _: None))
    monkeypatch.setattr(parquet, "MOST_BYTES", 1000 * 64 + 999)
    with pytest.raises(ValueError, match="more than"):
        parquet.read_table(path, lambda _: None)
    monkeypatch.setattr(parquet, "MOST_BYTES", 1000 * 64 - 1)
    monkeypatch.delattr(pq.ParquetFile, "iter_batches")
    with pytest.raises(ValueError, match="more than"):
        parquet.read_table(path, lambda _: None)


def test_foreign_columns_are_refused_unread(tmp_path: Path) -> None:
    """Before any row is."""
    folder = saved(tmp_path, RECIPE)
    pq.write_table(pa.table({"a": ["x"]}), folder / "recipes.parquet")
    with pytest.raises(DatasetError, match="columns a string; must be task string"):
        Dataset.load(folder)


def test_a_header_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of it is read than may be."""
    folder = saved(tmp_path, RECIPE)
    monkeypatch.setattr(datasets, "MOST_HEADER", 10)
    with pytest.raises(DatasetError, match=r"dataset\.json has more than"):
        Dataset.load(folder)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("num_frames", 0),
        ("num_frames", 2**40),
        ("start", float("-inf")),
        ("stop", float("nan")),
        ("difficulty", float("nan")),
        ("difficulty", 1.5),
    ],
)
def test_a_recipe_that_no_build_writes_is_refused(
    tmp_path: Path, column: str, value: float
) -> None:
    """Of more frames than any clip has, for one: room for them would be taken first."""
    folder = saved(tmp_path, replace(RECIPE, **{column: value}))
    with pytest.raises(DatasetError, match=r"damaged dataset: .*pick 0: .*must be"):
        Dataset.load(folder)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    """All that was checked on the way changes nothing: every column of both tables."""
    rows = [VideoRow(f"{n}/ü.mp4", "quarantined", detail="same") for n in range(5000)]
    table = tmp_path / "videos.parquet"
    write_table(rows, table, tmp_path)
    assert (sorted(rows, key=lambda row: row.path), tmp_path) == read_table(table)
    (loaded,) = Dataset.load(saved(tmp_path, RECIPE)).recipes
    assert astuple(RECIPE) == astuple(loaded)
    assert len(fields(Recipe)) == len(astuple(loaded))


# Videos


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile 'other.avi'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:PATH\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://localhost/a.ts\n#EXT-X-ENDLIST\n",
    ],
    ids=["concat", "hls", "hls from the network"],
)
def test_a_playlist_is_no_video(tmp_path: Path, playlist: str) -> None:
    """Under the name of a video it would show another file, which may be nobody's business."""
    write_videos(tmp_path / "private", 1, seed=0, seconds=1, fps=4, height=32, width=32)
    (other,) = (tmp_path / "private").iterdir()
    other.rename(tmp_path / "other.avi")
    path = tmp_path / "video.mp4"
    path.write_text(playlist.replace("PATH", str(tmp_path / "other.avi")))
    with pytest.raises(VideoError, match="not a video file"), open_video(path):
        pass


def test_what_is_refused_can_be_read_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the rule a playlist is opened: the test above would fail."""
    write_videos(tmp_path, 1, seed=0, seconds=1, fps=4, height=32, width=32)
    (other,) = tmp_path.iterdir()
    path = tmp_path / "video.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{other.name}'\n")
    monkeypatch.setattr("videossr.video.container._formats", lambda: "concat,mp4")
    with open_video(path) as (container, _):
        assert "concat" == container.format.name
