"""Tasks that nobody sees a clip of: one whose rewards are known, one that marks what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel
from toy_plugins import registry_of

from videossr import Sample, Unparsable, hookimpl
from videossr.floors import Floors
from videossr.marks import Box, Mark

if TYPE_CHECKING:
    from videossr.facades import Task


class Silent:
    """A task without settings that nobody asks."""

    class Config(BaseModel):
        """No settings."""

    summary = "For these tests"
    version = "1"

    @hookimpl
    def make_sample(self) -> None:
        """Asked for by no test here."""


class Exact(Silent):
    """Scores 1 for the answer, a half for its first letter; digits alone have the form of one."""

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        """As the class says."""
        if completion == "bug":
            raise KeyError(completion)
        if not completion.isdigit():
            raise Unparsable("must be digits")
        return 1.0 if completion == answer else 0.5 * (completion[:1] == answer[:1])


class Marking(Silent):
    """Marks what the target says: clip, start, stop, label, and a box or none."""

    @hookimpl
    def reward(self) -> float:
        """Asked for by no test here."""
        return 0.0

    def marks(self, sample: Sample) -> list[Mark]:
        """As the class says."""
        if "bug" in sample.target:
            raise KeyError("bug")
        return [
            Mark(clip, start, stop, label, box=Box(*box) if box else None)
            for clip, start, stop, label, box in sample.target.get("marked", [])
        ]


def exact_tasks() -> dict[str, Task]:
    """Two tasks of one plugin class."""
    registry = registry_of(even=Exact(), odd=Exact())
    return {name: registry.task(name, Exact.Config(), 0.5) for name in ("even", "odd")}


#: Of these two.
FLOORS = Floors({"even": {0.5: 0.5}, "odd": {0.5: 0.0}})


def marking_task() -> Task:
    """The task that marks."""
    return registry_of(marking=Marking()).task("marking", Marking.Config(), 0.5)
