"""Packages and plugins that do not fit together are told, with what to do about it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from videossr.doctor import packages
from videossr.origin import Origin, State
from videossr.registry import Registry


def installed(monkeypatch: pytest.MonkeyPatch, *some: tuple[str, str, list[str]]) -> None:
    """Let these be the distributions that there are: name, version, requirements."""
    stand_ins = [
        SimpleNamespace(name=name, version=version, requires=needs) for name, version, needs in some
    ]
    monkeypatch.setattr(packages, "distributions", lambda: stand_ins)


def test_packages_that_fit_together() -> None:
    """As they are installed here."""
    found = packages.packages()
    assert found.state == "ok"
    assert torch.__version__.split("+")[0] in found.measured
    assert "videossr-core" in found.figures["versions"]


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ("torch>=99", "is installed, torch>=99 is required"),
        ("no-such-package>=1", "no-such-package is not installed"),
    ],
)
def test_a_requirement_that_is_not_met(
    needs: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package that has it, and the command that mends it; extras are nobody's fault."""
    installed(monkeypatch, ("videossr-core", "1.0", [needs, "no-such-extra; extra == 'ray'"]))
    found = packages.packages()
    assert found.state == "fault"
    assert found.measured.startswith(f"videossr-core 1.0 needs {needs}: ")
    assert told in found.measured
    assert f"install '{needs}'" in found.remedy
    assert "no-such-extra" not in found.measured


def test_parts_of_different_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others' versions are their own."""
    some = ("videossr-core", "1.0", []), ("videossr-trainers", "1.1", []), ("torch", "2.0", [])
    installed(monkeypatch, *some)  # type: ignore[arg-type] # an empty list is of anything
    found = packages.packages()
    assert ("warning", "videossr-core 1.0, videossr-trainers 1.1") == (found.state, found.measured)
    assert "install -U videossr-core videossr-trainers" in found.remedy


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("broken", "was written for hook API 9; this videossr-core has hook API 3"),
        ("conflict", "two packages bring it"),
    ],
)
def test_a_plugin_at_fault(state: State, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which, of which package, and why; one that is switched off is none."""
    some = [
        Origin("maze", "maze-task", "2.0", "maze:plugin", state=state, problem=problem),
        Origin("other", "maze-task", "2.0", "maze:other", state="barred"),
    ]
    monkeypatch.setattr(Registry, "origins", lambda _: some)
    found = packages.plugins()
    assert found.state == "fault"
    assert f"maze of maze-task 2.0 is {some[0].standing}: {problem}" == found.measured


def test_no_plugin_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core alone has nothing to ask."""
    monkeypatch.setattr(Registry, "origins", lambda _: [])
    found = packages.plugins()
    assert ("warning", "none installed") == (found.state, found.measured)
    assert "install videossr" in found.remedy
