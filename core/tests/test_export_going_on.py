"""Exports that fail, are killed, and go on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from exports import Partly, bytes_of, exported
from toy_plugins import toys

from videossr.errors import PluginError
from videossr.export.shown import AsFrames
from videossr.render import Renderer

if TYPE_CHECKING:
    from videossr.dataset import Dataset


def test_an_export_that_failed_goes_on(toy_dataset: Dataset, tmp_path: Path) -> None:
    """What was rendered is not rendered again, unless its files are torn; the bytes are the same."""
    exported(toy_dataset, tmp_path / "whole", place=Path("/there"))
    renderer = Renderer.for_dataset(toy_dataset, registry=toys())
    failing: Any = Partly(renderer, 5, PluginError("no"))
    out = tmp_path / "out"
    with pytest.raises(PluginError):
        exported(toy_dataset, out, renderer=failing, place=Path("/there"))
    assert not out.exists()
    aside = tmp_path / ".out.export.unfinished"
    (aside / "media" / "torn.png").write_bytes(b"half")
    torn = next(aside.glob("media/*/*.png"))
    torn.write_bytes(b"")
    counting: Any = Partly(renderer, 99, PluginError("no"))
    exported(toy_dataset, out, renderer=counting, place=Path("/there"))
    assert 7 < 99 - counting._left <= 11
    assert bytes_of(tmp_path / "whole") == bytes_of(out)
    assert {"whole", "out"} == {path.name for path in tmp_path.iterdir()}


def test_other_options_begin_again(toy_dataset: Dataset, tmp_path: Path) -> None:
    """What another form has left is not taken for this one's, and does not stay."""
    renderer = Renderer.for_dataset(toy_dataset, registry=toys())
    failing: Any = Partly(renderer, 5, PluginError("no"))
    with pytest.raises(PluginError):
        exported(toy_dataset, tmp_path / "out", writer=AsFrames(50), renderer=failing)
    exported(toy_dataset, tmp_path / "out")
    assert {".png"} == {path.suffix for path in (tmp_path / "out" / "media").rglob("*.*")}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_an_export_that_is_killed_goes_on(toy_dataset: Dataset, tmp_path: Path) -> None:
    """By SIGKILL in the middle; then the same bytes as without."""
    toy_dataset.save(tmp_path / "dataset")
    code = (
        "import os, pathlib, signal, sys\n"
        "from exports import exported\n"
        "from videossr.dataset import Dataset\n"
        "from videossr.engine import Local\n"
        "def progress(done, total):\n"
        "    if done == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "dataset, out = map(pathlib.Path, sys.argv[1:])\n"
        "exported(Dataset.load(dataset), out, engine=Local(2), progress=progress)\n"
    )
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {here!r})\n{code}"]
    killed = subprocess.run([*command, tmp_path / "dataset", tmp_path / "out"], check=False)
    assert -signal.SIGKILL == killed.returncode
    assert {"dataset", ".out.journal", ".out.export.unfinished"} == {
        p.name for p in tmp_path.iterdir()
    }
    steps: list[int] = []
    exported(toy_dataset, tmp_path / "out", progress=lambda done, _: steps.append(done))
    assert 6 == steps[0]
    left = bytes_of(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "killed")
    exported(toy_dataset, tmp_path / "out")
    assert bytes_of(tmp_path / "out") == left
