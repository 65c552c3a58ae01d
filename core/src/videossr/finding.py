"""What a check found: measured, explained, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from videossr.errors import VideossrError

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["ok", "warning", "fault", "skipped"]

#: From the most harmless to the worst.
STATES: Final[tuple[State, ...]] = ("ok", "skipped", "warning", "fault")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: the check's name.
        state: a `fault` keeps from working, and ends a training before its first step; a `warning` does
            not. What could not be looked at is `skipped`.
        measured: what was measured, with its figures.
        meaning: why that matters.
        remedy: what to do; empty where nothing needs doing.
        figures: the figures by name, plain JSON values, for scripts.
        seconds: that the check took.
    """

    check: str
    state: State
    measured: str
    meaning: str = ""
    remedy: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {**asdict(self), "figures": dict(self.figures), "seconds": round(self.seconds, 3)}


class NotPossible(VideossrError):  # noqa: N818 - an outcome that checks report, no fault
    """Raised by a check that cannot be made here; its text says why."""


def worst(*findings: Finding) -> Finding:
    """The worst of some findings, the first of those that are equally bad."""
    return max(findings, key=lambda finding: STATES.index(finding.state))
