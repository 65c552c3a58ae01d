"""A clip as the page plays it: the video, the strip of its time, its contact sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from videossr.gallery.sheet import Still, data_uri, jpeg, sheet_of
from videossr.video import mp4_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.marks import Mark

#: What the longer side of small frames comes close to, in pixels.
_SHOWN_SIDE: Final = 240

#: Colours of labels, of a lightness that shows on white and on black alike; the page's own mark first.
_COLOURS: Final = ("#dd8a1e", "#3d82d0", "#2f9e77", "#b064c8", "#cf556f", "#8d9130", "#3aa6b9")

#: Angles on the colour wheel at the two ends of the scale of tones: from blue to red.
_TONES: Final = (255, 25)


@dataclass(frozen=True, slots=True)
class Span:
    """A marked range on the strip; `left` and `width` in percent of it."""

    left: float
    width: float
    colour: str
    title: str


@dataclass(frozen=True, slots=True)
class Key:
    """A label with its colour, and when it holds; nothing where that is all of the clip."""

    label: str
    colour: str
    when: str


@dataclass(frozen=True, slots=True)
class Player:
    """A clip as the page plays it.

    Attributes:
        source: the video as a data URI.
        poster: its first frame as a data URI.
        width, height: of the clip's own frames, in pixels.
        enlarged: whether the video shows each of these pixels as a square of several.
        first, last: seconds of the first and of the last frame, on the clip's own timeline.
        spans, keys: what is marked, on the strip and in words.
        stills: the contact sheet.
    """

    source: str
    poster: str
    width: int
    height: int
    enlarged: bool
    first: float
    last: float
    spans: Sequence[Span]
    keys: Sequence[Key]
    stills: Sequence[Still]


def player_of(
    clip: Clip, marks: Sequence[Mark], colours: Mapping[str, str], *, several: bool
) -> Player:
    """How the page plays a clip.

    Args:
        marks: those of this clip.
        colours: of the labels that have no tone.
        several: whether it is one of several clips, with less room for each.
    """
    times = clip.times.tolist()
    own = [colour_of(mark, colours) for mark in marks]
    frames = enlarged(clip.frames)
    return Player(
        source=data_uri("video/mp4", mp4_bytes(frames, clip.times)),
        poster=jpeg(clip.frames[0]),
        width=clip.width,
        height=clip.height,
        enlarged=frames is not clip.frames,
        first=times[0],
        last=times[-1],
        spans=[_span(mark, colour, times) for mark, colour in zip(marks, own, strict=True)],
        keys=_keys(marks, own, times),
        stills=sheet_of(clip, marks, own, several=several),
    )


def colours_of(marks: Sequence[Mark]) -> dict[str, str]:
    """A colour for each label of a sample."""
    labels = dict.fromkeys(mark.label for mark in marks if mark.tone is None)
    return {label: _COLOURS[number % len(_COLOURS)] for number, label in enumerate(labels)}


def colour_of(mark: Mark, colours: Mapping[str, str]) -> str:
    """A mark's colour as CSS has it."""
    if mark.tone is None:
        return colours[mark.label]
    low, high = _TONES
    return f"oklch(0.68 0.15 {low + (high - low) * mark.tone:.0f})"


def _span(mark: Mark, colour: str, times: Sequence[float]) -> Span:
    ends = _ends(times)
    whole = ends[-1] - times[0]
    start, stop = times[mark.start], ends[mark.stop - 1]
    title = f"{mark.label}: {_from_to(mark, times)}"
    return Span(100 * (start - times[0]) / whole, 100 * (stop - start) / whole, colour, title)


def _ends(times: Sequence[float]) -> list[float]:
    """When each frame gives way to the next; the last lasts as long as the one before it."""
    last = times[-1] - times[-2] if len(times) > 1 else 1.0
    return [*times[1:], times[-1] + last]


def _keys(marks: Sequence[Mark], colours: Sequence[str], times: Sequence[float]) -> list[Key]:
    """The labels in order, each with its times; `x 2` where there are several at once."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for mark, colour in zip(marks, colours, strict=True):
        whole = mark.box is None and (mark.start, mark.stop) == (0, len(times))
        when = "" if whole else _from_to(mark, times)
        counts = found.setdefault((mark.label, colour), {})
        counts[when] = counts.get(when, 0) + 1
    return [
        Key(
            label,
            colour,
            ", ".join(
                f"{when}\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}{count}"
                if count > 1
                else when
                for when, count in counts.items()
            ),
        )
        for (label, colour), counts in found.items()
    ]


def _from_to(mark: Mark, times: Sequence[float]) -> str:
    first, last = (f"{times[at]:.2f}" for at in (mark.start, mark.stop - 1))
    shown = first if first == last else f"{first}\N{EN DASH}{last}"
    return f"{shown}\N{NO-BREAK SPACE}s"


def enlarged(frames: Tensor) -> Tensor:
    """Frames with each pixel as a square of pixels, so that what is seen is what a model sees.

    Frames larger than a page has room for stay as they are.
    """
    factor = round(_SHOWN_SIDE / max(frames.shape[2:]))
    if factor <= 1:
        return frames
    return frames.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)
