"""Findings of a preflight on the terminal, as a file, and as an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from videossr import ConfigError
from videossr.atomic import write_text
from videossr.cli.findings import as_json, show_findings
from videossr.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from videossr.finding import Finding


def write(findings: Sequence[Finding], path: Path) -> None:
    """Write the findings as JSON, whole or not at all."""
    write_text(path, json.dumps(as_json(findings), indent=2) + "\n")


def show(findings: Sequence[Finding], console: Console | None = None) -> None:
    """As a table."""
    show_findings(findings, "preflight", console)


def refuse(findings: Sequence[Finding]) -> None:
    """Raise `ConfigError` with every fault among the findings, if there is any."""
    faults = [_mistake(one) for one in findings if one.state == "fault"]
    if faults:
        raise ConfigError(faults)


def _mistake(one: Finding) -> Mistake:
    said = f"{one.measured}: {one.meaning}" if one.meaning else one.measured
    return Mistake(f"preflight, {one.check}", said, one.remedy)
