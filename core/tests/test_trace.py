"""The trace of calls, where it is asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch
from toy_plugins import Pick, PickConfig, registry_of

from videossr.floors import blind_floor
from videossr.seeds import rng_for

if TYPE_CHECKING:
    from videossr import Clip


@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_trace_tells_of_every_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clip: Clip, value: str
) -> None:
    """Milliseconds, plugin, hook, how it ended, and what for; a line each on stderr."""
    monkeypatch.setenv("VIDEOSSR_TRACE", value)
    task = registry_of(pick=Pick()).task("pick", PickConfig(), 0.5)
    task.make_sample(clip, difficulty=0, rng=rng_for(0), context="video a.mp4, seed 7")
    task.score("?", "3", {})
    out, err = capsys.readouterr()
    assert "" == out
    first, second = err.splitlines()
    assert re.fullmatch(
        r"trace: +\d+\.\d{3} ms  pick\.make_sample returned \[video a\.mp4, seed 7\]", first
    )
    assert "pick.reward raised Unparsable [completion '?', answer '3']" in second


@pytest.mark.parametrize("value", ["0", "", "false", "No", "off", None])
def test_no_trace_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str | None
) -> None:
    """The usual run is quiet."""
    if value is None:
        monkeypatch.delenv("VIDEOSSR_TRACE", raising=False)
    else:
        monkeypatch.setenv("VIDEOSSR_TRACE", value)
    registry_of(pick=Pick()).task("pick", PickConfig(), 0.5).score("3", "3", {})
    assert ("", "") == capsys.readouterr()


def test_the_blind_floor_is_left_out_of_the_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tens of thousands of lines would bury the rest."""
    monkeypatch.setenv("VIDEOSSR_TRACE", "1")
    task = registry_of(pick=Pick()).task("pick", PickConfig(), 0.5)
    blind_floor(task, [(torch.arange(8, dtype=torch.float64), 0.5)], seed=0, draws=8)
    assert "" == capsys.readouterr().err
    task.score("3", "3", {})
    assert 1 == len(capsys.readouterr().err.splitlines())
