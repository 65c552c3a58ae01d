"""The command `doctor`: what its checks say together; each part has tests of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from videossr.cli.app import main
from videossr.doctor.examination import findings
from videossr.finding import Finding, NotPossible

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30


# The command


def test_a_check_that_fails_keeps_none_from_being_made() -> None:
    """It is a fault of its own, in one line; one that cannot be made is skipped."""

    def breaks() -> Finding:
        raise ImportError("libfoo.so: cannot open shared object file\nsecond line")

    def skips() -> Finding:
        raise NotPossible("not here")

    def works() -> Finding:
        return Finding("", "ok", "fine")

    found = list(findings([("one", breaks), ("two", skips), ("three", works)]))
    assert [("one", "fault"), ("two", "skipped"), ("three", "ok")] == [
        (one.check, one.state) for one in found
    ]
    assert "ImportError: libfoo.so: cannot open shared object file" == found[0].measured


def ran(monkeypatch: pytest.MonkeyPatch, *words: str, checks: list[Finding]) -> object:
    """The exit code of the command on a machine where these are found."""
    monkeypatch.setattr("videossr.doctor.examination.examine", lambda *_, **__: iter(checks))
    with pytest.raises(SystemExit) as stop:
        main(["doctor", "--no-network", *words])
    return stop.value.code


WELL = Finding("disk", "ok", "100 GiB free")
SHORT = Finding("shared memory", "warning", "64 MiB", "loaders die", "--shm-size=8g")
BROKEN = Finding("GPU", "fault", "the driver is too old", "all is slow", "update the driver")


@pytest.mark.parametrize(("checks", "code"), [([WELL, SHORT], 0), ([WELL, BROKEN], 1)])
def test_a_fault_alone_fails(
    checks: list[Finding],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each with its remedy; of what is well, its figure."""
    assert code == (ran(monkeypatch, checks=checks) or 0)
    told = capsys.readouterr().out
    assert all(one.measured in told for one in checks)
    assert checks[1].remedy in told


def test_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the worst state."""
    assert ran(monkeypatch, "--json", checks=[WELL, BROKEN]) == 1
    tree = json.loads(capsys.readouterr().out)
    assert tree["state"] == "fault"
    assert ["disk", "GPU"] == [one["check"] for one in tree["findings"]]
    assert tree["findings"][1]["remedy"] == "update the driver"


def test_this_machine(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The real checks, all of them; that it can be worked on is seen by the other tests."""
    with pytest.raises(SystemExit):
        main(["doctor", "--no-network", "--json", "--folder", str(tmp_path)])
    tree = json.loads(capsys.readouterr().out)
    states = {one["check"]: one["state"] for one in tree["findings"]}
    assert states["hub"] in {"skipped", "ok"}
    for name in ("packages", "plugins", "PyAV", "locks"):
        assert states[name] == "ok"
