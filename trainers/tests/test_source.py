"""Of which state of the code a run is."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from videossr_trainers.training import source

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_commit_is_that_of_the_clone(tmp_path: Path) -> None:
    """Marked where tracked files have changed; a file that nobody tracks has none."""
    script = """
        git init -q && git config user.email a@b && git config user.name a
        echo 1 > code.py && git add code.py && git commit -qm one && git rev-parse HEAD
    """
    words = ["/bin/sh", "-ec", script]
    commit = subprocess.check_output(words, cwd=tmp_path, text=True).strip()
    (tmp_path / "new.py").touch()
    assert commit == source._of_clone(tmp_path / "code.py")
    assert "" == source._of_clone(tmp_path / "new.py")
    (tmp_path / "code.py").write_text("2")
    assert f"{commit}-dirty" == source._of_clone(tmp_path / "code.py")


def test_an_installed_package_has_the_commit_that_it_was_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And otherwise a version."""

    class Installed:
        version = "1.2"
        origin: str | None = json.dumps({"url": "u", "vcs_info": {"commit_id": "abc"}})

        def read_text(self, _: str) -> str | None:
            return self.origin

    monkeypatch.setattr(source, "_of_clone", lambda _: "")
    monkeypatch.setattr(source, "distribution", lambda _: Installed())
    assert "abc" == source.source_of()
    monkeypatch.setattr(Installed, "origin", None)
    assert "1.2" == source.source_of()
