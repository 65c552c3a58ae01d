"""A question to look at: its clip to play, what is right, and what the model said."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from videossr.gallery.player import Player, colours_of, player_of
from videossr.marks import Mark
from videossr.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from videossr.clip import Clip

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, how often it was given, and what it is worth; None where it could not be read."""

    text: str
    times: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """A question as a page shows it.

    Attributes:
        name: what it is called.
        kind: by which the cards are filtered.
        group: the task or the category, by which they are filtered too.
        question, right: the prompt's text, and the right answer.
        said: what the model said.
        players: the clips.
        problem: why something is missing; empty where nothing is.
        facts: what else there is to know.
    """

    name: str
    kind: str
    group: str
    question: str
    right: str
    said: Sequence[Said]
    players: Sequence[Player] = ()
    problem: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def players_of(clips: Sequence[Clip], marks: Sequence[Mark]) -> list[Player]:
    """Clips as a page plays them, with what is marked on each."""
    colours, several = colours_of(marks), len(clips) > 1
    return [
        player_of(clip, [mark for mark in marks if mark.clip == number], colours, several=several)
        for number, clip in enumerate(clips)
    ]


def frames_of(clip: Clip, start: float, end: float, label: str) -> list[Mark]:
    """A mark on the frames that are shown from one time to another, or on none."""
    times = clip.times.tolist()
    inside = [number for number, time in enumerate(times) if start <= time <= end]
    return [Mark(0, inside[0], inside[-1] + 1, label)] if inside else []


def spread(
    items: Sequence[_T], most: int, group: Callable[[_T], Hashable], name: Callable[[_T], str]
) -> list[_T]:
    """Some items, as many of each group as of the others while there are any; always the same ones."""
    groups: dict[Hashable, list[_T]] = defaultdict(list)
    for item in sorted(items, key=lambda item: derive_seed("shown", name(item))):
        groups[group(item)].append(item)
    chosen: list[_T] = []
    for turn in range(max(map(len, groups.values()), default=0)):
        chosen += [some[turn] for some in groups.values() if turn < len(some)]
    kept = {id(item) for item in chosen[:most]}
    return [item for item in items if id(item) in kept]
