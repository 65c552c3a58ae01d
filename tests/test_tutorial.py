"""The tutorial, followed: its commands in their order, on a package with its files in their places."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from videossr.cli.app import main
from videossr.config import load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")


def files() -> dict[str, str]:
    """What the page puts into files: each block names its own in its first line."""
    blocks = re.findall(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return dict(blocks)


def commands() -> Iterator[list[str]]:
    """The commands of the page that are run here, as Python's arguments."""
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", "").splitlines():
            program, *rest = shlex.split(line, comments=True)
            if program == "python":
                yield rest
            elif program in ("videossr", "pytest"):
                yield ["-m", program, *rest]


def run(words: list[str], folder: Path, *path: Path) -> str:
    """What a command prints, which must succeed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """As `run`, of a command of ours, in this process: what it imports is imported already."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    out, err = capsys.readouterr()
    assert not stop.value.code, f"{words}\n{out}\n{err}"
    return out


def as_if_installed(package: Path) -> Path:
    """The folder that makes a package one that is installed, once it is on the path."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    name = project["name"].replace("-", "_")
    facts = package / "src" / f"{name}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"]["videossr"].items()
    listed = "\n".join(f"{name} = {value}" for name, value in points)
    (facts / "entry_points.txt").write_text(f"[videossr]\n{listed}\n")
    return facts.parent


def test_every_block_of_code_is_a_file() -> None:
    """Python and YAML on the page belong into files, which `test_the_tutorial_holds` puts there."""
    assert len(re.findall(r"^```(?:python|yaml)$", PAGE, re.MULTILINE)) == len(files())


@pytest.mark.slow
def test_the_tutorial_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first command to a trained step, as the page says; only the installing is played."""
    first, *rest = commands()
    clone = tmp_path / "clone"
    clone.mkdir()
    run(first, clone)
    (package,) = (folder for folder in tmp_path.iterdir() if folder != clone)
    assert package.name == "videossr-standstill"
    installed = as_if_installed(package)
    check, *rest = rest
    assert check in rest  # as it comes it passes by core/tests/test_scaffold.py
    for name, text in files().items():
        (package / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.chdir(package)
    printed = {}
    for words in rest:
        ours = words[:2] == ["-m", "videossr"]
        said = told(words[2:], capsys) if ours else run(words, package, installed)
        printed[" ".join(words)] = said
    (looked,) = (text for words, text in printed.items() if words == "look.py")
    assert [line.split(":")[0] for line in looked.splitlines()] == [
        f"standstill_{n}" for n in range(3)
    ]
    assert all((package / f"standstill_{n}_0.mp4").is_file() for n in range(3))
    *_, step = (package / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(step)["stage"] == "grpo"
    assert json.loads(step)["reward/standstill"] > 0
    pinned = load_config(package / "pinned.yaml")
    assert [*pinned.tasks] == ["jigsaw", "standstill"]
    assert pinned.requires == ("videossr-standstill>=0.1",)
