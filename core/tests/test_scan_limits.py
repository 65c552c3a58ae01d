"""Files at which a decoder hangs, crashes, or eats the memory."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from videossr.engine import Local
from videossr.scan import Limits, scan
from videossr.scan.process import LookingProcess
from videossr.video import encode_mp4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GIB = 2**30


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of ten frames of 2048 x 2048."""
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    ramp = torch.arange(2048, dtype=torch.int32)
    frames = torch.stack([(ramp + 9 * i)[None, None].expand(3, 2048, -1) % 256 for i in range(10)])
    encode_mp4(frames.to(torch.uint8), 10.0, path)
    return path


def children() -> list[int]:
    """The processes that this one has started and that look at videos."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            command = (entry.parent / "cmdline").read_bytes()
        except OSError:
            continue  # gone meanwhile
        if parent == os.getpid() and b"videossr.scan.worker" in command:
            found.append(int(entry.parent.name))
    return found


@pytest.fixture
def looking() -> Iterator[Callable[[Limits], LookingProcess]]:
    """Makes processes that look at files, and ends them."""
    made: list[LookingProcess] = []

    def make(limits: Limits) -> LookingProcess:
        made.append(LookingProcess(limits, thorough=True))
        return made[-1]

    yield make
    for process in made:
        process.close()


posix = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@posix
def test_a_hang_is_ended(drawn_videos: Path, looking: Callable[[Limits], LookingProcess]) -> None:
    """A process that stands still is given up, and the next file has a new one."""
    good = min(drawn_videos.iterdir())
    process = looking(Limits(seconds=1.0))
    assert "ok" == process.look(good)["state"]
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    found = process.look(good)
    assert ("quarantined", "too_slow") == (found["state"], found["reason"])
    assert "the decoder got nowhere for 1 s" == found["detail"]
    assert "ok" == process.look(good)["state"]
    assert [child] != children()


@posix
def test_a_crash_costs_one_file(
    drawn_videos: Path, looking: Callable[[Limits], LookingProcess]
) -> None:
    """The signal is told, and the next file has a new process."""
    good = min(drawn_videos.iterdir())
    process = looking(Limits(seconds=20.0))
    process.look(good)
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (child, signal.SIGSEGV)).start()
    threading.Timer(0.4, os.kill, (child, signal.SIGCONT)).start()
    found = process.look(good)
    assert ("crashed", "the decoder crashed (SIGSEGV)") == (found["reason"], found["detail"])
    assert "ok" == process.look(good)["state"]


@posix
def test_memory_is_limited(large: Path) -> None:
    """A video that needs more than the limit is quarantined; with more to spare it is read."""
    for megabytes in (24, 48):
        (small,) = scan(large, limits=Limits(bytes=megabytes * 2**20))
        assert ("too_large", "takes more memory than the limit") == (small.reason, small.detail)
    (row,) = scan(large, limits=Limits(bytes=GIB))
    assert ("ok", 2048) == (row.state, row.height)


@posix
def test_an_8k_video_needs_memory_for_its_frames(real_videos: Path) -> None:
    """Eight frames of 7680 x 4320 within a gigabyte."""
    path = real_videos / "ODD" / "huge_7680x4320_8frames.mp4"
    assert ["ok"] == [row.state for row in scan(path, limits=Limits(bytes=GIB))]


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path, large: Path) -> None:
    """Whatever was read of it belongs to no file that there is."""
    path = tmp_path / "growing.mp4"
    path.write_bytes(large.read_bytes())
    stop = threading.Event()

    def touch() -> None:
        while not stop.is_set():
            os.utime(path)
            time.sleep(0.001)

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        (row,) = scan(path)
    finally:
        stop.set()
        thread.join()
    assert ("quarantined", "changed") == (row.state, row.reason)
    assert not row.modified  # so that the next scan looks again


@posix
def test_a_scan_that_is_interrupted_leaves_no_process(drawn_videos: Path) -> None:
    """An error while the rows come in ends what is under way."""

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(drawn_videos, engine=Local(3), progress=stop)
    assert [] == children()


@pytest.mark.parametrize(("seconds", "size"), [(0, 1), (1, 0), (float("nan"), 1)])
def test_limits_are_more_than_nothing(seconds: float, size: int) -> None:
    """Zero would end everything, and NaN nothing."""
    with pytest.raises(ValueError, match="must be more than 0"):
        Limits(seconds=seconds, bytes=size)


def test_a_process_that_does_not_start_is_an_error(
    drawn_videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the video's fault, and told with what the process said."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no Python here >&2\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(RuntimeError, match=r"does not start:\nno Python here"):
        scan(drawn_videos)
