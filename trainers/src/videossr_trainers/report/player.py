"""A clip as a page plays it: the video, and the strip of its time with what is marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videossr.gallery.player import enlarged
from videossr.gallery.sheet import data_uri
from videossr.video import mp4_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.clip import Clip
    from videossr.marks import Mark

# Frame times written under a video; the others are marks without a number.
_MOST_LABELS = 6


@dataclass(frozen=True, slots=True)
class Span:
    """A marked range of frames as the page draws it; `left` and `width` in percent of the strip."""

    left: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Player:
    """A clip as the page shows it.

    Args:
        source: the video as a data URI.
        width: in pixels.
        height: in pixels.
        times: of every frame, as text.
        labels: place in percent of the strip, and text, of the times written under it.
        spans: the marked ranges.
        label: what it is among several clips; empty for a single one.
    """

    source: str
    width: int
    height: int
    times: Sequence[str]
    labels: Sequence[tuple[float, str]]
    spans: Sequence[Span]
    label: str


def players_of(clips: Sequence[Clip], marks: Sequence[Mark]) -> list[Player]:
    """How a page plays a sample's clips, each with its own marks."""
    several = len(clips) > 1
    return [
        player_of(
            clip,
            [mark for mark in marks if mark.clip == number],
            f"Clip {number + 1}" if several else "",
        )
        for number, clip in enumerate(clips)
    ]


def player_of(clip: Clip, marks: Sequence[Mark], label: str) -> Player:
    """How a page plays a clip, with its own marks; `label` says what it is among several."""
    frames = enlarged(clip.frames)
    times = clip.times.tolist()
    count = len(times)
    every = math.ceil(count / _MOST_LABELS)
    return Player(
        source=data_uri("video/mp4", mp4_bytes(frames, clip.times)),
        width=int(frames.shape[3]),
        height=int(frames.shape[2]),
        times=[f"{time:.2f} s" for time in times],
        labels=[
            (100 * (place + 0.5) / count, f"{times[place]:.1f}") for place in range(0, count, every)
        ],
        spans=[
            Span(
                left=100 * mark.start / count,
                width=100 * (mark.stop - mark.start) / count,
                text=f"{mark.label}: {_from_to(times[mark.start], times[mark.stop - 1])}",
            )
            for mark in marks
        ],
        label=label,
    )


def _from_to(first: float, last: float) -> str:
    return f"{first:.2f} s" if first == last else f"{first:.2f} s to {last:.2f} s"
