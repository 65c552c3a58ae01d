"""Disks, shared memory, open files and locks that do not suffice are told, with what to do about it."""

from __future__ import annotations

import resource
import shutil
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from videossr.doctor import room

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


GIB = 2**30
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's


@pytest.mark.parametrize(
    ("free", "state"),
    [(100.0, "ok"), (3.0, "warning"), (0.03, "fault")],
)
def test_a_disk_with_so_much_room(
    free: float, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst place is told, with its figure; where nothing is short, that of the work."""
    usage = Usage(int(200 * GIB), 0, int(free * GIB))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = room.disk(tmp_path / "not" / "made")
    assert found.state == state
    assert found.measured.startswith("working folder")
    assert f"{free:.1f} GiB free" in found.measured
    assert bool(found.remedy) == (state != "ok")


def test_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told whoever asks: root may write anywhere."""
    monkeypatch.setattr(room.os, "access", lambda place, _: place != tmp_path)
    found = room.disk(tmp_path)
    assert found.state == "fault"
    assert f"{tmp_path} cannot be written to" in found.measured


@pytest.mark.parametrize(("mib", "state"), [(64, "warning"), (8192, "ok")])
def test_shared_memory_of_a_container(
    mib: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 MiB unless it is told otherwise."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(mib * 2**20, 0, mib * 2**20))
    found = room.shared_memory()
    assert found.state == state
    assert ("--shm-size=8g" in found.remedy) == (state == "warning")


@pytest.mark.parametrize(("soft", "state"), [(256, "warning"), (4096, "ok"), (-1, "ok")])
def test_a_limit_of_open_files(soft: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy goes as far as the hard limit lets it."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, 4096))
    found = room.open_files()
    assert found.state == state
    assert found.remedy == ("ulimit -n 4096" if state == "warning" else "")


def test_files_can_be_locked(tmp_path: Path) -> None:
    """As they can here; nothing stays behind."""
    assert room.locks(tmp_path).state == "ok"
    assert list(tmp_path.iterdir()) == []


def not_locked(self: FileLock, *_: object, **__: object) -> Any:  # noqa: ANN401
    """As where the network's file system has no locks."""
    raise OSError(38, "Function not implemented", self.lock_file)


def let_in(self: FileLock, *_: object, **__: object) -> Any:  # noqa: ANN401
    """As where locks are accepted and forgotten."""
    return self


@pytest.mark.parametrize(
    ("acquire", "said"), [(not_locked, "Function not implemented"), (let_in, "keeps nobody out")]
)
def test_a_file_system_without_locks(
    acquire: Callable[..., Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs would write over each other."""
    monkeypatch.setattr(FileLock, "acquire", acquire)
    found = room.locks(tmp_path)
    assert found.state == "fault"
    assert said in found.measured
