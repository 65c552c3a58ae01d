"""Locks: waited for, refused, and left out where there are none."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from videossr.journal import Journal
from videossr.locks import held, lock

if TYPE_CHECKING:
    from pathlib import Path


def test_another_is_waited_for(tmp_path: Path) -> None:
    """Who holds it here is a child that was given the file, and has outlived whoever took the lock."""
    path, told = tmp_path / "new" / "lock", []
    with held(path, lambda: told.append("waiting")) as handle:
        code = "import time; time.sleep(0.4)"
        child = subprocess.Popen([sys.executable, "-c", code], pass_fds=(handle,))
    assert [] == told
    with held(path, lambda: told.append("waiting")):
        assert 0 == child.wait(1)
    assert ["waiting"] == told


@pytest.mark.parametrize("inherited", [True, False])
def test_without_waiting_it_is_refused(tmp_path: Path, *, inherited: bool) -> None:
    """In the same way, whatever the system calls it; and free when the holder is killed."""
    take = "flock" if inherited else "lockf"
    code = (
        f"import fcntl, time; file = open({str(tmp_path / 'lock')!r}, 'a');"
        f"fcntl.{take}(file, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert b"held\n" == child.stdout.readline()
        with (tmp_path / "lock").open("a") as file:
            with pytest.raises(BlockingIOError):
                lock(file.fileno(), inherited=inherited)
            child.kill()
            child.wait()
            assert lock(file.fileno(), inherited=inherited)


def test_where_files_cannot_be_locked_one_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether one would wait, or would not; it is not taken for a lock of another."""

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    monkeypatch.setattr(fcntl, "lockf", none)
    with held(tmp_path / "lock", lambda: pytest.fail("waits")) as handle:
        assert not lock(handle)
        assert not lock(handle, inherited=False, wait=True)
    with Journal(tmp_path / "table", ["head"], "another is at it") as journal:
        journal.add(1)
