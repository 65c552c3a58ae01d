"""What a preflight says: wrong times in words, findings as a table and as a file."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
import torch
from rich.console import Console

from videossr import Clip, ConfigError
from videossr.cli.findings import as_json
from videossr.finding import Finding, worst
from videossr_trainers.preflight.report import refuse, show, write
from videossr_trainers.preflight.times import contrast, pair_times

if TYPE_CHECKING:
    from pathlib import Path

FINE = Finding("times", "ok", "all right", "because", "", {"clips": 3}, 0.25)
TIGHT = Finding("memory", "warning", "tight", "it may fail", "use less", {}, 0.5)
BROKEN = Finding("pixels", "fault", "nothing is seen", "it trains blind", "plug it in")


def test_a_wrong_rate_in_words() -> None:
    """By hand: pairs of frames at 4.8 a second lie 0.4167 s apart; at 24 a second they would 0.0833."""
    said = [round(i * 2 / 24, 1) for i in range(24)]
    shown = [i * 2 / 4.8 for i in range(24)]
    assert (
        "the prompt says 0.0, 0.1, 0.2, ... s; the frames are shown at 0.0, 0.4, 0.8, ... s: 5.0 times "
        "too slow, as if the video had 24 frames a second rather than 4.8"
    ) == contrast(said, shown, "the prompt", frames=2)


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ([0.0, 2.0, 4.0, 6.0], "2.0 times too fast, as if the video had 0.5 frames"),
        ([3.0, 4.0, 5.0, 6.0], "3.0 s too late"),
        ([0.0, 1.4, 1.8, 3.2], "other times, by no one factor"),
        ([1.0, 1.0, 1.0, 1.0], "time stands still"),
    ],
)
def test_other_wrong_times_in_words(said: list[float], how: str) -> None:
    """A factor, a shift, or neither, against frames a second apart."""
    assert how in contrast(said, [0.0, 1.0, 2.0, 3.0], "the prompt")


def test_a_pair_has_the_mean_of_its_times() -> None:
    """By hand: (0 + 1) / 2, (2 + 4) / 2, and the last frame alone, filled up with itself."""
    times = torch.tensor([0, 1, 2, 4, 7], dtype=torch.float64)
    clip = Clip(torch.zeros(5, 3, 2, 2, dtype=torch.uint8), times)
    assert [0.5, 3.0, 7.0] == pair_times(clip, 2)


def test_a_table_has_a_line_for_each_check_and_the_reasons_of_the_bad_ones() -> None:
    """State, seconds and measurement of all; meaning and remedy where something is to be done."""
    console = Console(record=True, width=100, file=io.StringIO())
    show([FINE, TIGHT, BROKEN], console)
    lines = [line.strip() for line in console.export_text().splitlines()]
    assert "times    ok        0.2   all right" in lines
    assert "because" not in lines
    assert lines.index("it trains blind") + 1 == lines.index("-> plug it in")
    assert "-> use less" in lines


def test_findings_as_a_file(tmp_path: Path) -> None:
    """The worst state over all, the seconds in all, each finding with its figures."""
    write([FINE, TIGHT], tmp_path / "run" / "preflight.json")
    report = json.loads((tmp_path / "run" / "preflight.json").read_text())
    assert as_json([FINE, TIGHT]) == report
    assert ("warning", 0.75) == (report["state"], report["seconds"])
    assert {"clips": 3} == report["findings"][0]["figures"]
    assert ["preflight.json"] == [path.name for path in (tmp_path / "run").iterdir()]


def test_only_faults_are_refused() -> None:
    """Each with where, what, why and the remedy; warnings pass."""
    refuse([FINE, TIGHT])
    with pytest.raises(ConfigError) as raised:
        refuse([FINE, BROKEN, TIGHT])
    assert "preflight, pixels: nothing is seen: it trains blind; plug it in" == str(raised.value)


def test_the_worst_of_some_findings() -> None:
    """A fault before a warning before a check that was left out."""
    assert BROKEN == worst(FINE, BROKEN, TIGHT)
    assert "skipped" == worst(FINE, Finding("disk", "skipped", "")).state
