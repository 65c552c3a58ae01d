"""Spans of time: reading them, and how well two of them agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from videossr.errors import Unparsable
from videossr_trainers.downstream.form import bare

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER: Final = r"\d{1,9}(?:\.\d{1,9})?"
#: Seconds, or a clock: minutes and seconds, or hours besides.
_TIME: Final = rf"(?:(?:(?:\d{{1,3}}:)?\d{{1,3}}:)?{_NUMBER})(?: ?s(?:ec(?:ond)?s?)?\b)?"
_SPAN: Final = re.compile(
    rf"(?:from |between |start(?:s|ing)? ?(?:at|:|=)? ?)?(?P<start>{_TIME})"
    rf" ?(?:-|\u2013|\u2014|,|to|and|until)"
    rf" ?(?:end(?:s|ing)? ?(?:at|:|=)? ?)?(?P<end>{_TIME})",
    re.ASCII | re.IGNORECASE,
)


class Span(NamedTuple):
    """Seconds from `start` to `end`; it holds no moment if the end is not after the start."""

    start: float
    end: float

    def __str__(self) -> str:
        return f"{self.start:.15g}-{self.end:.15g}"


def read_span(completion: str) -> Span:
    """The span that a completion states, `14.5-26.2`.

    Forgiven, beside what `bare` forgives: units, `to`, `and` or a comma for the hyphen, `from`, `between`,
    `start:` and `end:`, and clock times such as 1:05.

    Raises:
        Unparsable: any other text.
    """
    match = _SPAN.fullmatch(bare(completion))
    if match is None:
        raise Unparsable("must be two times in seconds joined by a hyphen, such as 14.5-26.2")
    return Span(_seconds(match["start"]), _seconds(match["end"]))


def iou(one: Span, other: Span) -> float:
    """Shared seconds over covered seconds, in [0, 1]; exactly 1 for equal spans that hold a moment."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    lengths = [max(0.0, span.end - span.start) for span in (one, other)]
    if shared <= 0 or not all(lengths):
        return 0.0
    # rounding may carry the ratio of nearly equal spans past 1
    return 1.0 if one == other else min(1.0, shared / (sum(lengths) - shared))


def best_iou(stated: Span, spans: Sequence[Span]) -> float:
    """The intersection over union with the span that fits best, as QVHighlights counts it."""
    return max(iou(stated, span) for span in spans)


def _seconds(time: str) -> float:
    seconds = 0.0
    for part in time.lower().rstrip(" second").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
