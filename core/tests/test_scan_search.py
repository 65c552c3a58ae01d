"""Which files a scan looks at, and what it calls them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from videossr import ConfigError
from videossr.scan import scan, scan_to_table
from videossr.scan.search import find

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clips(tmp_path: Path, drawn_videos: Path) -> Path:
    """Two folders of videos and a file that is none."""
    videos = sorted(drawn_videos.iterdir())
    for place, video in zip(("one/a.mp4", "one/deep/b.mp4", "two/c.mp4"), videos, strict=False):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        os.link(video, tmp_path / place)
    (tmp_path / "one" / "notes.md").write_text("nothing to see")
    return tmp_path


def named(sources: list[Path | str], root: Path | None = None) -> tuple[list[str], Path]:
    """The paths below the root, and the root."""
    found, top = find(sources, root)
    return [file.path.relative_to(top).as_posix() for file in found], top


def test_a_folder_is_its_own_root(clips: Path) -> None:
    """Paths start below it."""
    assert (["a.mp4", "deep/b.mp4"], clips / "one") == named([clips / "one"])


def test_several_sources_share_the_folder_above(clips: Path) -> None:
    """A folder and a file, each file once however often it is named."""
    sources: list[Path | str] = [clips / "one", clips / "two" / "c.mp4", clips / "one" / "a.mp4"]
    assert (["one/a.mp4", "one/deep/b.mp4", "two/c.mp4"], clips) == named(sources)


def test_a_pattern_is_searched(clips: Path) -> None:
    """Stars within a folder and across folders; the root is what stands before the first of them."""
    assert (["one/a.mp4", "two/c.mp4"], clips) == named([f"{clips}/*/*.mp4"])
    assert (["a.mp4", "deep/b.mp4"], clips / "one") == named([f"{clips}/one/**/*.mp4"])


def test_a_file_with_a_star_in_its_name_is_itself(clips: Path) -> None:
    """What is there is not taken for a pattern."""
    odd = clips / "two" / "[1]*.mp4"
    os.link(clips / "two" / "c.mp4", odd)
    assert (["[1]*.mp4"], clips / "two") == named([odd])


def test_a_list_names_files(clips: Path) -> None:
    """Relative to the list itself; comments and empty lines count for nothing."""
    text = "\ufeff# mine\n\none/a.mp4\n  two/../two/c.mp4  \n"
    (clips / "list.txt").write_text(text, encoding="utf-8")
    assert (["one/a.mp4", "two/c.mp4"], clips) == named([clips / "list.txt"])


def test_what_a_list_names_and_is_not_there_gets_a_row(clips: Path) -> None:
    """Nothing is lost."""
    (clips / "list.txt").write_text("one/a.mp4\none/gone.mp4\n")
    rows = {row.path: row for row in scan(clips / "list.txt", check="ends")}
    assert {"a.mp4", "gone.mp4"} == {*rows}
    assert ("unreadable", "No such file or directory") == (
        rows["gone.mp4"].reason,
        rows["gone.mp4"].detail,
    )


def test_a_table_is_scanned_again(clips: Path) -> None:
    """Its files, below its root."""
    scan_to_table(clips / "one", clips / "t.parquet")
    assert (["a.mp4", "deep/b.mp4"], clips / "one") == named([clips / "t.parquet"])


def test_the_root_may_be_chosen(clips: Path) -> None:
    """As long as it holds every file."""
    assert ["one/a.mp4", "one/deep/b.mp4"] == named([clips / "one"], clips)[0]
    with pytest.raises(ConfigError, match=r"root: .*a\.mp4 is not below .*two"):
        find([clips / "one"], clips / "two")


def test_every_wrong_source_is_told(clips: Path) -> None:
    """All at once, each by name."""
    (clips / "empty.txt").write_text("# nothing\n")
    with pytest.raises(ConfigError) as caught:
        find([clips / "one", clips / "gone", f"{clips}/*.avi", clips / "empty.txt"])
    told = [(mistake.where, mistake.problem) for mistake in caught.value.mistakes]
    assert [
        (str(clips / "gone"), "no such file or folder"),
        (f"{clips}/*.avi", "no file matches"),
        (str(clips / "empty.txt"), "an empty list"),
    ] == told
    with pytest.raises(ConfigError, match="nothing to scan"):
        find([])
