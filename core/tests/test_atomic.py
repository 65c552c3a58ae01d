"""Files and folders that are whole or not there."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from videossr.atomic import (
    clear_unfinished,
    making,
    publish,
    replacing,
    take_away,
    write_bytes,
    write_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Ends in the middle of a file and of a folder, as a kill does.
KILLED = """
import os
from pathlib import Path
from videossr.atomic import making, replacing
with replacing(Path("file")) as file, making(Path("folder")) as folder:
    file.write_text("half")
    (folder / "part").write_text("half")
    os._exit(9)
"""


@pytest.fixture
def of_others() -> Iterator[None]:
    """A umask that lets a group write and others do nothing."""
    before = os.umask(0o007)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    """All that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    """The older one is there until the new one is whole, and nothing else is afterwards."""
    path = tmp_path / "new" / "file"
    write_text(path, "old")
    with replacing(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
        assert [unfinished.name, "file"] == names(path.parent)
    assert path.read_text() == "new"
    assert names(path.parent) == ["file"]


def test_a_folder_appears_with_all_that_is_in_it(tmp_path: Path) -> None:
    """Until then there is none."""
    folder = tmp_path / "new" / "folder"
    with making(folder) as unfinished:
        (unfinished / "below").mkdir()
        (unfinished / "below" / "file").write_text("whole")
        assert not folder.exists()
    assert (folder / "below" / "file").read_text() == "whole"
    assert names(folder.parent) == ["folder"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    """And none of what was under way."""
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def fail() -> None:
        with replacing(path) as unfinished, making(tmp_path / "folder") as folder:
            unfinished.write_bytes(b"half")
            (folder / "file").touch()
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.usefixtures("of_others")
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    """By the umask, in a file and in a folder."""
    write_text(tmp_path / "file", "")
    with making(tmp_path / "folder"):
        pass
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("file", "folder")]
    assert modes == [0o660, 0o770]


def test_what_a_kill_has_left_is_taken_over(tmp_path: Path) -> None:
    """By whoever writes the same name next, of a file and of a folder."""
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    assert names(tmp_path) == [".file.0.unfinished", ".folder.0.unfinished"]
    write_text(tmp_path / "file", "whole")
    with making(tmp_path / "folder") as folder:
        assert names(folder) == []
    assert names(tmp_path) == ["file", "folder"]


def test_what_kills_have_left_can_be_cleared(tmp_path: Path) -> None:
    """Whatever it was to become; all else stays."""
    for name in (".unfinished", ".file.0.unfinished"):
        (tmp_path / name).mkdir()
    for name in (".hidden", "my.unfinished"):
        (tmp_path / name).touch()
    clear_unfinished(tmp_path)
    assert names(tmp_path) == [".hidden", "my.unfinished"]
    clear_unfinished(tmp_path / "none")


def test_two_that_write_one_name_do_not_meet(tmp_path: Path) -> None:
    """Each has a file aside of its own, and the last one stays."""
    path = tmp_path / "file"
    with ExitStack() as one, ExitStack() as two:
        first = one.enter_context(replacing(path))
        first.write_text("first")
        second = two.enter_context(replacing(path))
        second.write_text("second")
        one.close()
        assert path.read_text() == "first"
        two.close()
    assert path.read_text() == "second"
    assert names(tmp_path) == ["file"]


def test_who_is_done_takes_nothing_from_who_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renamed, a file leaves its name aside free for the next, while it is still brought to the disk."""
    path = tmp_path / "file"
    with ExitStack() as next_one:
        begun: list[Path] = []

        def to_disk(of: Path) -> None:
            if of == tmp_path and not begun:
                begun.append(next_one.enter_context(replacing(path)))

        monkeypatch.setattr("videossr.atomic._to_disk", to_disk)
        write_text(path, "first")
        assert begun[0].exists()
        begun[0].write_text("second")
    assert path.read_text() == "second"


def test_a_folder_that_has_come_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """`making` replaces nothing, and says what is in its way."""
    folder = tmp_path / "folder"

    def make() -> None:
        with making(folder):
            write_text(folder / "file", "another's")

    with pytest.raises(OSError, match=r"'[^']*/folder'$"):
        make()
    assert (folder / "file").read_text() == "another's"
    assert names(tmp_path) == ["folder"]


def test_a_folder_of_several_processes_replaces_the_older_one(tmp_path: Path) -> None:
    """`publish` gives it the name, `take_away` takes it from it, with everything in it."""
    folder = tmp_path / "model"
    for text in ("old", "new"):
        aside = tmp_path / ".model.unfinished"
        aside.mkdir()
        (aside / text).touch()
        publish(aside, folder)
    assert names(folder) == ["new"]
    take_away(folder)
    take_away(folder)
    assert names(tmp_path) == []


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_names_the_file(tmp_path: Path, named: bool) -> None:
    """And not what is aside, whether what was writing has named that or nothing at all."""
    path = tmp_path / "file"
    with (
        pytest.raises(OSError, match=rf"^\[Errno 28\] full: '{path}'$"),
        replacing(path) as unfinished,
    ):
        raise OSError(errno.ENOSPC, "full", *([str(unfinished)] if named else []))
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_written_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write everywhere, so that here the system's answer is put in its mouth."""

    def touch(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(PermissionError, match=f"denied: '{tmp_path / 'file'}'$"):
        write_text(tmp_path / "file", "")


def test_all_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content first, then the name; a cache may do without."""
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
    )
    write_text(tmp_path / "file", "", durable=False)
    assert synced == []
    write_text(tmp_path / "file", "")
    with making(tmp_path / "folder") as folder:
        (folder / "part").touch()
    expected = [".file.0.unfinished", tmp_path.name]
    expected += ["part", ".folder.0.unfinished", tmp_path.name]
    assert expected == synced


def test_a_disk_that_is_found_full_in_the_end_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems tell so when a file is brought to the disk; that others cannot is no fault."""
    path = tmp_path / "file"
    write_text(path, "old")

    def fsync(_: int) -> None:
        raise OSError(number, "of the test")

    monkeypatch.setattr(os, "fsync", fsync)
    number = errno.ENOSPC
    with pytest.raises(OSError, match=f"of the test: '{path}'"):
        write_text(path, "new")
    assert path.read_text() == "old"
    number = errno.EINVAL
    write_text(path, "new")
    assert path.read_text() == "new"


def test_without_locks_what_is_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell then whether another is still at it."""

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / ".file.0.unfinished").touch()
    write_text(tmp_path / "file", "whole")
    assert names(tmp_path) == [".file.0.unfinished", "file"]
