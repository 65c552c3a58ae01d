"""Findings as a table on the terminal, and as a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from videossr import ConfigError
from videossr.atomic import write_text
from videossr_trainers.preflight.finding import STATES, Finding, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_STYLES: Final[dict[State, str]] = {
    "ok": "green",
    "warning": "yellow",
    "fault": "bold red",
    "skipped": "dim",
}


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """All findings as plain JSON values."""
    return {
        "state": max((one.state for one in findings), key=STATES.index, default="ok"),
        "seconds": round(sum(one.seconds for one in findings), 3),
        "findings": [one.as_json() for one in findings],
    }


def write(findings: Sequence[Finding], path: Path) -> None:
    """Write the findings as JSON, whole or not at all."""
    write_text(path, json.dumps(as_json(findings), indent=2) + "\n")


def show(findings: Sequence[Finding], console: Console | None = None) -> None:
    """A line for each check; of those that did not pass, why that matters and what to do."""
    console = console or Console(stderr=True)
    table = Table(box=box.SIMPLE, title="preflight", title_justify="left")
    for header in ("check", "", "s", "measured"):
        table.add_column(header, justify="right" if header == "s" else "left", no_wrap=header == "")
    for one in findings:
        text = Text(one.measured)
        if one.state in ("warning", "fault"):
            text.append(f"\n{one.meaning}", "dim") if one.meaning else None
            text.append(f"\n-> {one.remedy}", "bold") if one.remedy else None
        state = Text(one.state, _STYLES[one.state])
        table.add_row(one.check, state, f"{one.seconds:.1f}", text)
    console.print(table)


def refuse(findings: Sequence[Finding]) -> None:
    """Raise `ConfigError` with every fault among the findings, if there is any."""
    faults = [one.mistake for one in findings if one.state == "fault"]
    if faults:
        raise ConfigError(faults)
