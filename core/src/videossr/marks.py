"""Marks: where in a sample there is something to see, for people who look at it.

A task may have a method `marks(sample)` that says so. Nothing of it reaches a model or a reward.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from videossr.calls import blame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.errors import PluginError
    from videossr.facades import Task
    from videossr.sample import Sample


class Box(NamedTuple):
    """A rectangle in pixels of a frame; the first pixel reaches from 0 to 1."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Frames of note, or a place on them.

    Args:
        clip: the number of the clip among the sample's.
        start, stop: frame numbers of that clip, the stop not included.
        label: a word or two, such as the name of what was done. Equal labels look alike.
        box: where on these frames; None for all of the picture.
        tone: where on a scale from 0 to 1 it lies, for marks that have an order; they are coloured
            along it, others by their labels.

    Raises:
        ValueError: no frames, no label, an empty box, or a tone outside of its scale.
    """

    clip: int
    start: int
    stop: int
    label: str
    box: Box | None = None
    tone: float | None = None

    def __post_init__(self) -> None:
        if self.clip < 0 or not 0 <= self.start < self.stop:
            found = f"frames {self.start} to {self.stop} of clip {self.clip}"
            raise ValueError(f"{found}; must be numbers from 0, the stop above the start")
        if not isinstance(self.label, str) or not self.label.strip():
            raise ValueError(f"label: {self.label!r}; must be a word or two")
        if self.box is not None and not (
            all(map(isfinite, self.box)) and self.box.width > 0 and self.box.height > 0
        ):
            raise ValueError(f"box: {tuple(self.box)}; must be x, y, width and height in pixels")
        if self.tone is not None and not 0 <= self.tone <= 1:
            raise ValueError(f"tone: {self.tone}; must be from 0 to 1")


def marks_of(task: Task, sample: Sample, context: str = "") -> tuple[Mark, ...]:
    """The marks that a task has for a sample; none if its plugin has no method for them.

    Args:
        task: whose plugin is asked.
        sample: one of its own.
        context: which sample that is, for an error to name.

    Raises:
        PluginError: the method raised, or gave what is no mark or lies outside of the clips.
    """

    def fault(problem: str) -> PluginError:
        return blame(task.origin, "marks", problem, context)

    plugin = task.hooks.plugin
    if not hasattr(plugin, "marks"):
        return ()
    try:
        marks = tuple(plugin.marks(sample))
    except (Exception, SystemExit) as error:
        raise fault(f"raised {type(error).__name__}: {error}") from error
    if problem := misplaced(marks, sample):
        raise fault(problem)
    return marks


def misplaced(marks: Sequence[object], sample: Sample) -> str:
    """What is wrong with the first mark that does not lie in a sample's clips, or nothing."""
    for mark in marks:
        if not isinstance(mark, Mark):
            return f"gave {mark!r}; must give `videossr.marks.Mark`s"
        if mark.clip >= len(sample.clips):
            return f"gave {mark}, and there are {len(sample.clips)} clips"
        clip = sample.clips[mark.clip]
        if mark.stop > len(clip):
            return f"gave {mark}, and the clip has {len(clip)} frames"
        if mark.box is not None:
            x, y, width, height = mark.box
            if x < 0 or y < 0 or x + width > clip.width or y + height > clip.height:
                return f"gave {mark}, and the frames have {clip.width} x {clip.height} pixels"
    return ""
