"""Findings as a table on the terminal, and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from videossr.finding import STATES, Finding, State

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLES: Final[dict[State, str]] = {
    "ok": "green",
    "warning": "yellow",
    "fault": "bold red",
    "skipped": "dim",
}


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """All findings as plain JSON values, under the worst of their states."""
    return {
        "state": max((one.state for one in findings), key=STATES.index, default="ok"),
        "seconds": round(sum(one.seconds for one in findings), 3),
        "findings": [one.as_json() for one in findings],
    }


def show_findings(findings: Sequence[Finding], title: str, console: Console | None = None) -> None:
    """A line for each check; of those that did not pass, why that matters and what to do."""
    console = console or Console(stderr=True)
    table = Table(box=box.SIMPLE, title=title, title_justify="left")
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
