"""`videossr scan`: its table, its quarantine, and how it is broken off."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import Ran, fresh
from toy_plugins import distribution

from videossr.video_table import read_table

if TYPE_CHECKING:
    from collections.abc import Callable


def test_scan_writes_a_table(run: Callable[..., Ran], drawn_videos: Path, tmp_path: Path) -> None:
    """And says how many videos are usable; five of 1.5 s are an eighth of a minute."""
    table = tmp_path / "deep" / "videos.parquet"
    ran = run("scan", drawn_videos, "-o", table, "--workers", 1)
    assert (0, f"{table}: 5 videos, 5 usable, 0.1 minutes of video\n") == (ran.code, ran.out)
    rows, root = read_table(table)
    assert (5, drawn_videos.resolve()) == (len(rows), root)


@pytest.fixture
def with_a_bad_one(drawn_videos: Path, tmp_path: Path) -> Path:
    """A folder of a good video and half of another."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    good, other = sorted(drawn_videos.iterdir())[:2]
    (folder / "a.mp4").write_bytes(good.read_bytes())
    (folder / "b.mp4").write_bytes(other.read_bytes()[:500])
    return folder


def test_scan_tells_what_it_quarantined(
    run: Callable[..., Ran], with_a_bad_one: Path, tmp_path: Path
) -> None:
    """A bad video is no failure; its reason is told, also to scripts."""
    ran = run("scan", with_a_bad_one, "-o", tmp_path / "t.parquet")
    assert 0 == ran.code
    assert "2 videos, 1 usable" in ran.out
    assert "\nquarantined: 1 unreadable\n  b.mp4: unreadable: " in ran.out
    ran = run("scan", with_a_bad_one, "-o", tmp_path / "t.parquet", "--json")
    expected = {
        "videos": 2,
        "usable": 1,
        "seconds": 1.5,
        "reasons": {"unreadable": 1},
        "quarantined": {"b.mp4": "unreadable"},
    }
    assert (expected, "") == (json.loads(ran.out), ran.err)


def test_scan_names_twenty_and_counts_the_rest(run: Callable[..., Ran], tmp_path: Path) -> None:
    """A folder of rubbish does not flood the terminal; the table has them all."""
    (tmp_path / "rubbish").mkdir()
    for number in range(23):
        (tmp_path / "rubbish" / f"{number:02d}.mp4").write_text("no video")
    ran = run("scan", tmp_path / "rubbish", "-o", tmp_path / "t.parquet", "--check", "ends")
    lines = ran.out.splitlines()
    assert "quarantined: 23 unreadable" == lines[1]
    assert 20 == sum(".mp4: unreadable: " in line for line in lines)
    assert "  and 3 more, which the table has" == lines[-1]
    assert 23 == len(read_table(tmp_path / "t.parquet")[0])


def test_quiet_prints_nothing(run: Callable[..., Ran], drawn_videos: Path, tmp_path: Path) -> None:
    """Neither result nor progress."""
    assert Ran(0, "", "") == run("scan", drawn_videos, "-o", tmp_path / "t.parquet", "-q")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("missing", "no such file or folder"), ("empty", "no video file in this folder or below it")],
)
def test_nothing_to_scan_is_wrong_use(
    run: Callable[..., Ran], tmp_path: Path, name: str, expected: str
) -> None:
    """One line on stderr, without a progress bar, and no table."""
    (tmp_path / "empty").mkdir()
    ran = run("scan", tmp_path / name, "-o", tmp_path / "t.parquet")
    assert (2, "") == (ran.code, ran.out)
    (line,) = ran.err.splitlines()
    assert line.startswith(f"error: {tmp_path / name}: {expected}")
    assert not (tmp_path / "t.parquet").exists()


def test_a_file_that_cannot_be_written_is_told(
    run: Callable[..., Ran], drawn_videos: Path, tmp_path: Path
) -> None:
    """The work failed: exit code 1, and a line with the path rather than a traceback."""
    (tmp_path / "file").write_text("")
    ran = run("scan", drawn_videos, "-o", tmp_path / "file" / "t.parquet", "-q")
    assert (1, "") == (ran.code, ran.out)
    (line,) = ran.err.strip().splitlines()
    assert line.startswith("error: ")
    assert str(tmp_path / "file") in line


def test_ctrl_c_ends_with_a_word(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130, one word on stderr, no traceback."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("videossr.scan.scan_to_table", interrupted)
    ran = run("scan", tmp_path, "-o", tmp_path / "t.parquet")
    assert Ran(130, "", "interrupted\n") == ran


def test_ctrl_c_before_the_command_ends_with_a_word(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While extensions are imported, say."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("videossr.cli.app.extensions", interrupted)
    assert Ran(130, "", "interrupted\n") == run("--help")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no signals and pipes as on POSIX")
def test_ctrl_c_ends_a_real_process(drawn_videos: Path, config: Path, tmp_path: Path) -> None:
    """A build that is interrupted at work leaves no half a dataset behind."""
    site = tmp_path / "site"
    distribution(site, "toy-tasks", "1.2", {"toy_pick": "toy_stop:plugin"})
    (site / "toy_stop.py").write_text(
        "import os, signal\n"
        "from toy_plugins import Pick, hookimpl\n"
        "class Stop(Pick):\n"
        "    pressed = False\n"
        "    @hookimpl\n"
        "    def make_sample(self, clip, config, difficulty, rng):\n"
        "        if not self.pressed:\n"
        "            self.pressed = True\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "        return super().make_sample(clip, config, difficulty, rng)\n"
        "plugin = Stop()\n"
    )
    output = tmp_path / "out" / "dataset"
    arguments = ["build", config, "--videos", drawn_videos, "-o", output, "--workers", "1"]
    path = os.pathsep.join([str(site), str(Path(__file__).parent)])
    # Whoever started the tests in the background has made all that they start deaf to Ctrl-C.
    listening = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('videossr', run_name='__main__')"
    )
    ran = fresh("-c", listening, *map(str, arguments), path=Path(path))
    assert 128 + signal.SIGINT == ran.returncode
    assert "interrupted" == ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr
    assert not output.exists()
