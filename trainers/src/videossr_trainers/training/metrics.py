"""What a run has measured, a line of JSON for each step, written as it happens and read by all who tell of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from videossr.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

METRICS: Final = "metrics.jsonl"

#: The stages, as each line names its own.
WARM_START: Final = "warm start"
GRPO: Final = "grpo"


def lines_of(folder: Path, stage: str | None = None) -> list[dict[str, Any]]:
    """What was measured in a stage of a run, or in all; what a full disk has cut off is no line."""
    read = [line for line in map(_read, _texts(folder)) if line]
    return [line for line in read if stage in {None, line["stage"]}]


def forget_steps(folder: Path, stage: str, step: int) -> None:
    """Drop what was measured in a stage after a step, and in the stages after it, and what was cut off."""
    texts = _texts(folder)
    kept = [text for text in texts if _holds(_read(text), stage, step)]
    if kept != texts:
        write_text(folder / METRICS, "".join(f"{text}\n" for text in kept))


def _texts(folder: Path) -> list[str]:
    """The lines as they stand; none where there is no file. A character that was cut off is another."""
    try:
        return (folder / METRICS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _read(text: str) -> dict[str, Any] | None:
    """A line; None where it is not whole."""
    try:
        read: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return read


def _holds(line: dict[str, Any] | None, stage: str, step: int) -> bool:
    """Whether a line is whole, and of a step that is not taken again."""
    if line is None:
        return False
    if line["stage"] != stage:
        return stage == GRPO  # the other stage came before
    return int(line["step"]) <= step
