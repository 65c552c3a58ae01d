"""The conformance kit in a package's own tests: pytest is run over a small file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from videossr import ConfigError
from videossr.testing import checks_for, parametrize_with_checks
from videossr.testing.settings import PERTURBATION, TASK, own_plugins

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
from importlib.metadata import EntryPoint

from videossr.discovery import GROUP
from videossr.registry import Registry
from videossr.testing import parametrize_with_checks

REGISTRY = Registry(
    EntryPoint(name, f"breaking_plugins:{{name}}", GROUP) for name in ("wordy", "needy", "constant")
)


@parametrize_with_checks({arguments}, registry=REGISTRY)
def test_conformance(check):
    check()
"""


def ran(folder: Path, arguments: str) -> str:
    """What pytest says of a file that names these plugins."""
    (folder / "test_it.py").write_text(FILE.format(arguments=arguments))
    tests = str(__file__).rpartition("/")[0]
    options = ["-p", "no:cacheprovider", "-rA", "--rootdir", str(folder), "--override-ini=addopts="]
    paths = f"--override-ini=pythonpath={tests}"
    command = [sys.executable, "-m", "pytest", *options, paths, "test_it.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


def test_each_check_is_a_test_of_its_own(tmp_path: Path) -> None:
    """Ids are the plugin's name and the check's; a failure tells what was found, and the rule."""
    said = ran(tmp_path, "'wordy', 'constant'")
    for name in ("wordy", "constant"):
        for check in checks_for("perturbation"):
            assert f"test_it.py::test_conformance[{name}-{check.id}]" in said
    assert "FAILED test_it.py::test_conformance[wordy-describes_itself]" in said
    assert "FAILED test_it.py::test_conformance[constant-different_seeds_differ]" in said
    assert f"2 failed, {2 * len(checks_for('perturbation')) - 2} passed" in said
    assert r"CheckFailed: wordy: summary is 'Darken\nthe picture'; must be one line of text" in said
    assert "(describes_itself: `summary` is one line, and `version` a text.)" in said


def test_an_expected_failure_is_marked_with_its_reason(tmp_path: Path) -> None:
    """It fails as it should, and one that passes fails."""
    expected = {"describes_itself": "I like it", "own_memory": "I thought so"}
    said = ran(tmp_path, f"'wordy', expected_failures={expected}")
    assert "XFAIL test_it.py::test_conformance[wordy-describes_itself] - I like it" in said
    assert "[XPASS(strict)] I thought so" in said
    assert f"1 failed, {len(checks_for('perturbation')) - 2} passed, 1 xfailed" in said


def test_checks_that_have_nothing_to_look_at_are_skipped(tmp_path: Path) -> None:
    """One failure that tells why, rather than one for each check."""
    said = ran(tmp_path, "'needy'")
    assert "FAILED test_it.py::test_conformance[needy-example_fits]" in said
    assert "there is nothing to look at, as example_fits found" in said
    assert f"1 failed, {len(checks_for('perturbation')) - 1} skipped" in said


def test_plugins_that_do_not_work_are_all_named_at_once() -> None:
    """In one error, before any test runs."""
    with pytest.raises(ConfigError) as caught:
        parametrize_with_checks("kit_flesh", PERTURBATION, "nobody", registry=own_plugins())
    first, second = str(caught.value).splitlines()
    assert first.startswith(
        "kit_flesh: no installed plugin has this name; did you mean 'kit_flash'?"
    )
    assert second.startswith("nobody: no installed plugin has this name; installed plugins: ")


@parametrize_with_checks(TASK, PERTURBATION, registry=own_plugins())
def test_it_works_here(check) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - as users write it
    """The kit's own plugins, as anybody checks theirs."""
    check()
