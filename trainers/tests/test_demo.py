"""The demo's folder, around a demo that is ended early."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from videossr import ConfigError
from videossr_trainers.console import StageConsole
from videossr_trainers.demo import running as demo

if TYPE_CHECKING:
    from pathlib import Path


def interrupted(*_: object, **__: object) -> NoReturn:
    """In the place of the first stage."""
    raise KeyboardInterrupt


def test_a_demo_that_was_ended_early_is_started_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It removes what it has made itself, and nothing else."""
    monkeypatch.setattr(demo, "write_videos", interrupted)
    folder = tmp_path / "demo"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            demo.run_demo(folder, quick=True, seed=0, console=StageConsole(quiet=True))
        assert [".unfinished"] == [path.name for path in folder.iterdir()]
        (folder / "train").mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        demo.run_demo(folder, quick=True, seed=0, console=StageConsole(quiet=True))
    assert "mine" == (folder / "notes.txt").read_text()


def test_a_demo_takes_no_folder_that_it_did_not_make(tmp_path: Path) -> None:
    """One without the mark of a demo under way, such as that of a finished demo."""
    (tmp_path / "report.html").touch()
    with pytest.raises(ConfigError, match="exists already"):
        demo.run_demo(tmp_path, quick=True, seed=0, console=StageConsole(quiet=True))
