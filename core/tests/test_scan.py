"""What a scan says of a folder, and the table it goes into."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from videossr import ConfigError, DatasetError
from videossr.engine import Local
from videossr.scan import scan
from videossr.video import hash_file, mp4_bytes
from videossr.video_table import VideoRow, read_table, write_table

if TYPE_CHECKING:
    from torch import Tensor


@pytest.fixture
def folder(tmp_path: Path, numbered_frames: Tensor) -> Path:
    """Two good videos, a bad one, and what is not to be looked at."""
    good = mp4_bytes(numbered_frames, 10.0)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name in ("b.MP4", "deep/er/a b.mov", ".hidden/c.mp4", ".d.mp4", "notes.txt"):
        (tmp_path / name).write_bytes(good)
    (tmp_path / "deep" / "bad.webm").write_bytes(good[:100])
    return tmp_path


def test_every_video_gets_a_row(folder: Path) -> None:
    """Suffixes in any case, folders to the bottom, sorted; hidden and other files left alone."""
    rows = scan(folder)
    expected = [("b.MP4", "ok"), ("deep/bad.webm", "quarantined"), ("deep/er/a b.mov", "ok")]
    assert expected == [(row.path, row.state) for row in rows]
    assert rows[1].reason == "unreadable"
    assert rows[1].detail


def test_a_row_says_what_the_file_holds(folder: Path) -> None:
    """Forty frames at ten a second."""
    row = scan(folder)[0]
    expected = VideoRow(
        path="b.MP4",
        state="ok",
        bytes=(folder / "b.MP4").stat().st_size,
        modified=(folder / "b.MP4").stat().st_mtime_ns,
        checked="all",
        hash=hash_file(folder / "b.MP4"),
        first=0.0,
        last=3.9,
        duration=4.0,
        frames=40,
        fps=10.0,
        nominal_fps=10.0,
        variable=False,
        height=48,
        width=64,
        rotation=0,
        codec="h264",
        pixel_format="yuv420p",
    )
    rounded = {name: round(getattr(row, name), 9) for name in ("last", "duration", "fps")}
    assert expected == replace(row, **rounded)
    assert folder / "b.MP4" == row.below(folder)


def test_a_single_file_is_a_folder_of_one(folder: Path) -> None:
    """Its path is its name."""
    assert scan(folder / "b.MP4") == scan(folder)[:1]


def test_progress_counts_every_file(folder: Path) -> None:
    """Called once for each file, with how many there are."""
    calls: list[tuple[int, int]] = []
    scan(folder, engine=Local(2), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_links_in_a_circle_end(folder: Path) -> None:
    """A link back up is not followed again, a dangling one is quarantined, a good one counts."""
    (folder / "deep" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "dangling.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "link.mp4").symlink_to(folder / "b.MP4")
    states = {row.path: row.state for row in scan(folder)}
    assert states == {
        "b.MP4": "ok",
        "dangling.mp4": "quarantined",
        "deep/bad.webm": "quarantined",
        "deep/er/a b.mov": "ok",
        "link.mp4": "ok",
    }


def test_a_pipe_does_not_block(folder: Path) -> None:
    """What is no regular file is quarantined without being opened."""
    os.mkfifo(folder / "pipe.mp4")
    row = next(row for row in scan(folder) if row.path == "pipe.mp4")
    assert (row.reason, row.detail) == ("unreadable", "not a regular file")


def test_a_name_that_is_not_text_is_quarantined(folder: Path) -> None:
    """The table is UTF-8; a file it cannot name gets a row that shows the bytes."""
    name = os.fsencode(folder) + b"/caf\xe9.mp4"
    try:
        Path(os.fsdecode(name)).write_bytes((folder / "b.MP4").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    row = next(row for row in scan(folder) if row.path.startswith("caf"))
    assert (row.state, row.reason) == ("quarantined", "unreadable")
    write_table([row], folder / "table.parquet", folder)


@pytest.mark.parametrize("empty", [True, False])
def test_nothing_to_scan_is_an_error(tmp_path: Path, empty: bool) -> None:
    """A missing folder, and one without a video, say what was looked for."""
    path = tmp_path if empty else tmp_path / "missing"
    expected = "looked for .*mp4" if empty else "no such file or folder"
    with pytest.raises(ConfigError, match=expected) as caught:
        scan(path)
    assert str(path) == caught.value.mistakes[0].where


def test_table_round_trip(folder: Path) -> None:
    """Rows and root come back."""
    rows = scan(folder)
    write_table(rows, folder / "out" / "table.parquet", folder)
    assert (rows, folder) == read_table(folder / "out" / "table.parquet")


def test_table_bytes_depend_on_the_rows_alone(folder: Path) -> None:
    """Order and moment of writing leave no trace, and no leftovers stay."""
    rows = scan(folder)
    write_table(rows, folder / "t1" / "table.parquet", folder)
    write_table(rows[::-1], folder / "t2" / "table.parquet", folder)
    first, second = (folder / name / "table.parquet" for name in ("t1", "t2"))
    assert first.read_bytes() == second.read_bytes()
    assert [first] == list(first.parent.iterdir())


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    """No rows come back as no rows."""
    write_table([], tmp_path / "table.parquet", tmp_path)
    assert ([], tmp_path) == read_table(tmp_path / "table.parquet")


def test_what_is_no_table_is_named(tmp_path: Path) -> None:
    """A missing, damaged or foreign file is a DatasetError with its path."""
    write_table([VideoRow("a.mp4", "ok")], tmp_path / "cut.parquet", tmp_path)
    whole = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    pq.write_table(pa.table({"path": ["a.mp4"]}), tmp_path / "foreign.parquet")
    for name in ("missing.parquet", "cut.parquet", "foreign.parquet"):
        with pytest.raises(DatasetError, match=name):
            read_table(tmp_path / name)


def test_a_file_cut_off_anywhere_is_quarantined_or_read(tmp_path: Path) -> None:
    """Whatever is left of a file, the scan goes on: each piece is used or quarantined with a reason."""
    frames = torch.randint(0, 256, (8, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    whole = mp4_bytes(frames.to(torch.uint8), 8.0)
    for length in range(0, len(whole), max(1, len(whole) // 120)):
        (tmp_path / f"{length:06d}.mp4").write_bytes(whole[:length])
    (tmp_path / "whole.mp4").write_bytes(whole)
    rows = scan(tmp_path, engine=Local(2))
    assert len(rows) == len(list(tmp_path.iterdir()))
    assert [row.path for row in rows if row.state == "ok"][-1] == "whole.mp4"
    assert all(row.reason and row.detail for row in rows if row.state == "quarantined")
