"""A scan that has been made before, or was ended before it was done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from conftest import real_clips

from videossr import ConfigError, DatasetError
from videossr.scan import scan, scan_to_table
from videossr.scan.process import LookingProcess
from videossr.video_table import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.video_table import VideoRow


@pytest.fixture
def folder(tmp_path: Path, drawn_videos: Path) -> Path:
    """Four good videos and one that is none."""
    (tmp_path / "videos").mkdir()
    for video in sorted(drawn_videos.iterdir())[:4]:
        (tmp_path / "videos" / video.name).write_bytes(video.read_bytes())
    (tmp_path / "videos" / "bad.mp4").write_text("no video")
    return tmp_path / "videos"


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, as a scan reads them."""
    names: list[str] = []
    look = LookingProcess.look

    def noted(self: LookingProcess, path: Path) -> dict[str, object]:
        names.append(path.name)
        return look(self, path)

    monkeypatch.setattr(LookingProcess, "look", noted)
    return names


def test_what_has_not_changed_is_not_read_again(folder: Path, looked: list[str]) -> None:
    """Good or bad; what is new, changed or gone is noticed; and all is as if scanned afresh."""
    table = folder.parent / "t.parquet"
    first = scan_to_table(folder, table)
    assert 5 == len(looked)
    looked.clear()
    whole = table.read_bytes()
    assert first == scan_to_table(folder, table)
    assert [] == looked
    assert whole == table.read_bytes()
    names = sorted(path.name for path in folder.iterdir() if path.name != "bad.mp4")
    (folder / "new.mp4").write_bytes((folder / names[0]).read_bytes())
    (folder / names[1]).write_bytes((folder / names[0]).read_bytes())
    (folder / names[2]).unlink()
    again = scan_to_table(folder, table)
    assert sorted([names[1], "new.mp4"]) == sorted(looked)
    assert scan(folder) == again == read_table(table)[0]


def test_fresh_reads_everything(folder: Path, looked: list[str]) -> None:
    """Whatever the table says."""
    table = folder.parent / "t.parquet"
    scan_to_table(folder, table)
    looked.clear()
    scan_to_table(folder, table, fresh=True)
    assert 5 == len(looked)


def test_a_closer_look_looks_again(folder: Path, looked: list[str]) -> None:
    """Ends do for ends, not for all; all does for both. What cannot be opened needs no second look."""
    table = folder.parent / "t.parquet"
    scan_to_table(folder, table, check="ends")
    looked.clear()
    scan_to_table(folder, table, check="all")
    assert 5 == len(looked)
    looked.clear()
    scan_to_table(folder, table, check="ends")
    assert [] == looked


def test_a_fault_that_may_pass_is_looked_at_again(folder: Path, looked: list[str]) -> None:
    """Permission leaves no trace in size or time."""
    if os.geteuid() == 0:
        (folder / "link.mp4").symlink_to(folder / "later.mp4")
    else:
        (folder / "link.mp4").write_bytes(b"")
        (folder / "link.mp4").chmod(0)
    table = folder.parent / "t.parquet"
    scan_to_table(folder, table)
    looked.clear()
    scan_to_table(folder, table)
    assert ["link.mp4"] == looked


def test_a_table_of_another_folder_is_no_help(folder: Path, looked: list[str]) -> None:
    """The same paths below another root are other files."""
    table = folder.parent / "t.parquet"
    scan_to_table(folder, table)
    other = folder.rename(folder.parent / "other")
    looked.clear()
    scan_to_table(other, table)
    assert 5 == len(looked)


def test_a_file_that_is_no_table_is_not_replaced(folder: Path) -> None:
    """It might be somebody's work."""
    table = folder.parent / "notes.parquet"
    table.write_text("my notes")
    with pytest.raises(DatasetError, match=r"notes\.parquet"):
        scan_to_table(folder, table)
    assert "my notes" == table.read_text()


def test_two_scans_of_one_table_are_told_apart(folder: Path) -> None:
    """The second is refused while the first is at work."""
    table = folder.parent / "t.parquet"

    def once_more(done: int, _: int) -> None:
        if done == 1:
            with pytest.raises(ConfigError, match="another scan is writing this table"):
                scan_to_table(folder, table)

    scan_to_table(folder, table, progress=once_more)
    assert 5 == len(read_table(table)[0])


def test_an_interrupted_scan_goes_on(folder: Path, looked: list[str]) -> None:
    """What was seen is kept, a line that was torn is not believed, and nothing is left behind."""
    table = folder.parent / "t.parquet"

    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_to_table(folder, table, progress=stop)
    assert not table.exists()
    (journal,) = folder.parent.glob(".*journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    assert 4 == len(lines)
    journal.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    looked.clear()
    rows = scan_to_table(folder, table)
    assert 3 == len(looked)
    assert scan(folder) == rows
    assert {"videos", "t.parquet"} == {path.name for path in folder.parent.iterdir()}


def test_a_journal_of_another_format_is_dropped(folder: Path, looked: list[str]) -> None:
    """An older version may have meant something else by it."""
    journal = folder.parent / ".t.parquet.journal"
    journal.write_text(json.dumps(["videossr scan", "0", str(folder)]) + "\n{}\n")
    scan_to_table(folder, folder.parent / "t.parquet")
    assert 5 == len(looked)
    assert not journal.exists()


def linked(videos: list[Path], folder: Path, count: int) -> None:
    """So many hard links to the videos, or copies where they are on another file system."""
    folder.mkdir()
    here = folder.parent / "one of each"
    here.mkdir()
    for video in videos:
        (here / video.name).write_bytes(video.read_bytes())
    for number in range(count):
        video = videos[number % len(videos)]
        os.link(here / video.name, folder / f"{number:05d}{video.suffix}")


def killed_and_resumed(
    videos: list[Path], workplace: Path, *, count: int, kills: int, seed: int
) -> list[tuple[float, int]]:
    """Scan links to videos, with kills at random moments, then undisturbed; and compare.

    Returns:
        For each kill the seconds after the start, and the rows seen by then.
    """
    linked(videos, workplace / "videos", count)
    rng = random.Random(seed)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    def command(table: str) -> list[str]:
        arguments = ["scan", str(workplace / "videos"), "-o", str(workplace / table)]
        return [sys.executable, "-m", "videossr", *arguments, "--check", "ends", "-q"]

    started = time.monotonic()
    subprocess.run(command("whole.parquet"), env=environment, check=True)
    takes = time.monotonic() - started
    log = []
    for _ in range(kills):
        process = subprocess.Popen(command("killed.parquet"), env=environment)
        delay = rng.uniform(0.3, 0.3 + takes / kills)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        journal = workplace / ".killed.parquet.journal"
        seen = len(journal.read_bytes().splitlines()) - 1 if journal.exists() else 0
        log.append((delay, seen))
    subprocess.run(command("killed.parquet"), env=environment, check=True)
    whole, killed = (workplace / f"{name}.parquet" for name in ("whole", "killed"))
    assert whole.read_bytes() == killed.read_bytes()
    rows: list[VideoRow] = read_table(killed)[0]
    assert count == len(rows)
    left = {path.name for path in workplace.iterdir()} - {"videos", "one of each"}
    assert {"whole.parquet", "killed.parquet"} == left
    return log


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill as on POSIX")
def test_kills_at_random_moments_change_nothing(tmp_path: Path, drawn_videos: Path) -> None:
    """The same table, byte for byte, and no file left over."""
    log = killed_and_resumed(
        real_clips() or sorted(drawn_videos.iterdir()), tmp_path, count=400, kills=4, seed=0
    )
    seen = [rows for _, rows in log]
    assert seen == sorted(seen)
    assert 0 < seen[-1] < 400
