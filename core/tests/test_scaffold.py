"""A new package works as it is written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest
from toy_plugins import distribution

from videossr import ConfigError
from videossr.registry import Registry
from videossr.scaffold import create
from videossr.testing import check_plugin

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("task", "perturbation", "modifier")
PATHS = [
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "src/videossr_my_own/__init__.py",
    "src/videossr_my_own/my_own.py",
    "src/videossr_my_own/py.typed",
    "tests/test_my_own.py",
]

KIND = pytest.mark.parametrize("kind", KINDS)


def environment(package: Path, site: Path) -> dict[str, str]:
    """As if the package were installed."""
    distribution(site, "videossr-my-own", "0.1.0", {"my_own": "videossr_my_own:plugin"})
    path = os.pathsep.join(map(str, (site, package / "src", *filter(None, sys.path))))
    return {**os.environ, "PYTHONPATH": path}


@KIND
def test_a_package_is_complete(kind: str, tmp_path: Path) -> None:
    """Every file is there and nothing beside it; no placeholder is left."""
    package = create("my_own", kind, tmp_path / "deep")  # type: ignore[arg-type] # one of three
    assert package == tmp_path / "deep" / "videossr-my-own"
    assert [package] == list((tmp_path / "deep").iterdir())
    files = sorted(path for path in package.rglob("*") if path.is_file())
    assert PATHS == [path.relative_to(package).as_posix() for path in files]
    assert [] == [path for path in files if "$" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[(f"fresh_{kind}", kind) for kind in KINDS],
        # like what the modules import or define
        ("sample", "task"),
        ("unsuitable", "task"),
        ("unparsable", "task"),
        ("wrappers", "modifier"),
        ("clip", "perturbation"),
    ],
)
def test_a_new_plugin_keeps_every_rule(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unedited, without an expected failure, whatever it is called."""
    package = create(name, kind, tmp_path)  # type: ignore[arg-type] # one of three
    monkeypatch.syspath_prepend(package / "src")
    point = EntryPoint(name, f"videossr_{name}:plugin", "videossr")
    results = check_plugin(name, registry=Registry([point]))
    assert len(results) > 9
    assert [] == [result for result in results if result.outcome != "passed"]


@KIND
def test_its_own_tests_pass(kind: str, tmp_path: Path) -> None:
    """Those of the kit, and one or two of its own."""
    package = create("my_own", kind, tmp_path)  # type: ignore[arg-type] # one of three
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package)],
        capture_output=True,
        text=True,
        check=False,
        cwd=package,
        env=environment(package, tmp_path / "site"),
    )
    assert ran.returncode == 0, ran.stdout


@KIND
def test_its_style_is_ours(kind: str, tmp_path: Path) -> None:
    """Without a finding of the usual rules."""
    ruff = shutil.which("ruff")
    if not ruff:
        pytest.skip("ruff is not installed; the environment lint has it")
    package = create("my_own", kind, tmp_path)  # type: ignore[arg-type] # one of three
    # Lines are as long as the name makes them.
    rules = ["--select", "E,F,I,B,UP,PL,RUF", "--ignore", "PLR2004,E501"]
    command = [ruff, "check", *rules, "--isolated", str(package)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.slow
@KIND
def test_it_builds_a_wheel(kind: str, tmp_path: Path) -> None:
    """With the module, the type marker and the entry point in it."""
    uv = shutil.which("uv")
    if not uv:
        pytest.skip("uv, which builds wheels, is not installed")
    package = create("my_own", kind, tmp_path)  # type: ignore[arg-type] # one of three
    command = [uv, "build", "--wheel", "--offline", "-o", str(tmp_path / "dist"), str(package)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode and "offline" in ran.stderr.lower():
        pytest.skip("hatchling, which builds wheels, is not in uv's cache")
    assert ran.returncode == 0, ran.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = "videossr_my_own-0.1.0.dist-info"
        points = archive.read(f"{info}/entry_points.txt").decode()
    assert {"videossr_my_own/my_own.py", "videossr_my_own/py.typed"} <= names
    assert "[videossr]\nmy_own = videossr_my_own:plugin" in points


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../evil", "../evil: is no name for a plugin; must be lower-case letters, digits and"),
        ("My-Own", "My-Own: is no name for a plugin; must be"),
        ("", ": is no name for a plugin; must be"),
        ("1st", "1st: is no name for a plugin; must be"),
        ("lambda", "lambda: is a word of Python; its module could not be imported"),
        ("foo_", "foo_: is no name for a package; must not end in an underscore"),
        ("jigsaw", "jigsaw: is the name of an installed plugin; choose another"),
    ],
)
def test_a_bad_name_is_refused(name: str, expected: str, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigError) as caught:
        create(name, "task", tmp_path, taken=["jigsaw"])
    assert str(caught.value).startswith(expected)
    assert [] == list(tmp_path.iterdir())


def test_a_package_that_is_installed_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the core nor a stranger's, by the name that pip knows or by the one that is imported."""
    site = tmp_path / "site"
    distribution(site, "videossr.Other-Toys", "1.2", {})
    (site / "videossr_by_hand").mkdir()
    (site / "videossr_by_hand" / "__init__.py").touch()
    monkeypatch.syspath_prepend(site)
    for name, expected in [
        ("core", "videossr-core: is installed already, version "),
        ("other_toys", "videossr-other-toys: is installed already, version 1.2; choose another"),
        ("by_hand", "videossr_by_hand: is a package that can be imported already; choose another"),
    ]:
        with pytest.raises(ConfigError) as caught:
            create(name, "task", tmp_path / "new")
        assert str(caught.value).startswith(expected)
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Not even an empty folder of that name."""
    target = tmp_path / "videossr-my-own"
    target.mkdir()
    with pytest.raises(ConfigError, match="exists already; choose another name or folder"):
        create("my_own", "task", tmp_path)
    assert [] == list(target.iterdir())


def test_what_fails_halfway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it or nothing, at its own place or at none."""

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.rename", full)
    with pytest.raises(OSError, match="no space left"):
        create("my_own", "task", tmp_path)
    assert [] == list(tmp_path.iterdir())
