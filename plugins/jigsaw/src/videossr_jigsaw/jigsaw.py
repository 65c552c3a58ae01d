"""Temporal jigsaw: a video is cut into parts and shuffled, and the model says how to play them.

The answer names the parts, numbered as shown, in the order of the video. For example

    Clip 1: [video] Clip 2: [video] ... Clip 6: [video] These are the 6 parts of one video, shuffled.
    Answer with their numbers alone, in the order to play them, as in 234561.
    -> 341562

where the clip that is shown third comes first, the one shown fourth second, and so on: if clip i shows
part p(i), the answer is the inverse of p. Source: VideoSSR (arXiv 2511.06281), section 3, temporal
jigsaw, and its reward; trimming the parts' borders is Visual Jigsaw's idea.
"""

from __future__ import annotations

import math
import re
from itertools import count, pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from videossr import Unparsable, Unsuitable, hookimpl
from videossr.draw import shuffled
from videossr.marks import Mark
from videossr.ramp import Ramp, within
from videossr.sample import Sample, question_prompt

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from videossr import Clip, Segment

#: The longest completion that is looked at; an answer is a tenth of it.
LONGEST: Final = 200


class JigsawConfig(BaseModel):
    """How many parts, and how they are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: Annotated[
        Ramp, within(3, 9), Field(description="parts that the video is cut into, one digit each")
    ] = Ramp.between(6, 8)
    trim: Annotated[
        float,
        Field(
            ge=0,
            le=0.4,
            description="share of a part cut off at either border, rounded up to whole frames, so that "
            "neighbouring frames don't give the order away",
        ),
    ] = 0.0
    min_change: Annotated[
        float,
        Field(
            ge=0,
            le=255,
            description="mean absolute difference of the average pictures of neighbouring parts, in grey "
            "levels of 255, under which nobody could tell their order, and the clip is refused",
        ),
    ] = 0.0
    layout: Annotated[
        Literal["separate", "single"],
        Field(
            description="separate: a labelled video for each part; single: one video of all parts"
        ),
    ] = "separate"
    identity: Annotated[
        bool, Field(description="whether the true order may be shown too, like any other")
    ] = False


# The generator


def cut_up(frames: int, parts: int, trim: float) -> list[tuple[int, int]]:
    """The frame numbers of each part, the stop not included: equally many, and even, since models read pairs.

    Frames that don't divide evenly are left out at the end of the clip.

    Raises:
        Unsuitable: less than two frames would be left of a part.
    """
    slot = frames // parts
    slot -= slot % 2
    cut = trimmed_frames(slot, trim)
    if slot - 2 * cut <= 0:
        needed = next(size for size in count(2, 2) if size > 2 * trimmed_frames(size, trim))
        raise Unsuitable(f"{frames} frames; needs at least {parts * needed}")
    return [(start + cut, start + slot - cut) for start in range(0, parts * slot, slot)]


def refuse_still(clip: Clip, parts: Sequence[Segment], least: float) -> None:
    """Raise `Unsuitable` where neighbouring parts differ by less than so many grey levels."""
    sums = [clip.frames[part.start : part.stop].long().sum(0) for part in parts]
    frames = len(range(*parts[0]))
    changes = [int((after - before).abs().sum()) for before, after in pairwise(sums)]
    if min(changes) < least * frames * sums[0].numel():
        raise Unsuitable(f"neighbouring parts differ by less than {least:g} grey levels")


def trimmed_frames(slot: int, trim: float) -> int:
    """How many frames are cut off at either border of a part."""
    # a hair less, or 0.07 of 100 frames would be 8
    return math.ceil(slot * trim - 1e-9)


def draw_order(parts: int, rng: random.Random, *, identity: bool) -> list[int]:
    """The parts in the order in which they are shown, numbered from 1; all orders are as likely.

    Without `identity` all but the true one.
    """
    true = list(range(1, parts + 1))
    while (order := shuffled(rng, true)) == true and not identity:
        pass
    return order


def inverse(order: Sequence[int]) -> list[int]:
    """Where each of the numbers from 1 stands in an order, counted from 1."""
    return [order.index(part) + 1 for part in range(1, len(order) + 1)]


def ordinal(place: int) -> str:
    """A place in words and figures: 1st, 2nd, 3rd, 4th."""
    return f"{place}{({1: 'st', 2: 'nd', 3: 'rd'}).get(place, 'th')}"


def question(parts: int, layout: Literal["separate", "single"]) -> list[str | None]:
    """The prompt: texts, and None where a video goes."""
    example = "".join(map(str, [*range(2, parts + 1), 1]))
    answer = f"Answer with their numbers alone, in the order to play them, as in {example}."
    if layout == "single":
        shown = f"This video was cut into {parts} equal parts and shuffled."
        return [None, f"{shown} Number the parts 1 to {parts} as shown. {answer}"]
    labelled = [part for shown in range(1, parts + 1) for part in (f"Clip {shown}:", None)]
    return [*labelled, f"These are the {parts} parts of one video, shuffled. {answer}"]


def in_one(clip: Clip, parts: Sequence[Segment], order: Sequence[int]) -> Clip:
    """One clip with the frames of the parts in that order, at the times of the parts in true order."""
    kept = [frame for part in parts for frame in range(*part)]
    shown = [frame for part in order for frame in range(*parts[part - 1])]
    return type(clip)(clip.frames[shown], clip.times[kept])


# The scorer

# Every optional piece starts with space and goes on with something else, so that a run of spaces can be
# read in one way only and a hostile text can't make the search long.
_FORM: Final = re.compile(
    r"""(?P<fence>```[a-z]*\s+)?                   # a code fence is form, not content
    (?P<digits>[0-9](?:\s*(?:,\s*)?[0-9])*)
    (?:\s*\.)?(?(fence)\s*```)""",
    re.ASCII | re.VERBOSE,
)


def read_order(completion: str, parts: int) -> list[int]:
    """The numbers that a completion states, `341562`, which may yet be no permutation.

    Forgiven: space or a comma between digits, space around them, a full stop at the end, a code fence.
    Nothing is guessed out of prose.

    Raises:
        Unparsable: any other text, or another number of digits than `parts`.
    """
    match = _FORM.fullmatch(completion.strip()) if len(completion) <= LONGEST else None
    digits = [int(digit) for digit in match["digits"] if digit.isdigit()] if match else []
    if len(digits) != parts:
        raise Unparsable(f"must be {parts} digits, one for each part, first part first")
    return digits


def closeness(predicted: Sequence[int], true: Sequence[int]) -> float:
    """How near an order comes to the true one: 1 - E / E_max, in [0, 1].

    E adds up how far each part stands from its true place; E_max = floor(n^2 / 2) is the most that it
    can be, which the reverse order reaches. No permutation of 1..n, for instance with a digit twice: 0.0.
    """
    if sorted(predicted) != list(range(1, len(true) + 1)):
        return 0.0
    places = zip(inverse(predicted), inverse(true), strict=True)
    return 1 - sum(abs(stated - right) for stated, right in places) / (len(true) ** 2 // 2)


class Jigsaw:
    """The task `jigsaw`."""

    Config = JigsawConfig
    summary = "Put the shuffled parts of a video in order"
    version = "1"

    @hookimpl
    def make_sample(
        self, clip: Clip, config: JigsawConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        """Cut up a clip and ask for its order."""
        from videossr import Segment  # noqa: PLC0415 - needs torch, which a light import leaves out

        n = config.segments.whole_at(difficulty)
        parts = [Segment(*part) for part in cut_up(len(clip), n, config.trim)]
        if config.min_change:
            refuse_still(clip, parts, config.min_change)
        order = draw_order(n, rng, identity=config.identity)
        right = inverse(order)
        if config.layout == "single":
            clips: tuple[Clip, ...] = (in_one(clip, parts, order),)
        else:
            # on the clip's own timeline, the times would give the order away
            clips = tuple(clip.cut(parts[part - 1]).rebased() for part in order)
        return Sample(
            prompt=question_prompt(*question(n, config.layout)),
            clips=clips,
            answer="".join(map(str, right)),
            target={
                "order": right,
                "shown": order,
                "segments": [list(parts[part - 1]) for part in order],
            },
        )

    @hookimpl
    def reward(self, completion: str, target: Mapping[str, Any]) -> float:
        """How near the stated order comes to the true one."""
        right = target["order"]
        return closeness(read_order(completion, len(right)), right)

    def near_misses(self, sample: Sample) -> Sequence[str]:
        """Two neighbours swapped, the first and the last part swapped, and the reverse."""
        right = sample.answer
        neighbours = right[1] + right[0] + right[2:]
        ends = right[-1] + right[1:-1] + right[0]
        # of three parts, this is the reverse
        return [neighbours, *([ends] if len(right) > 3 else []), right[::-1]]  # noqa: PLR2004

    def marks(self, sample: Sample) -> Sequence[Mark]:
        """Each part as it is shown, under the place that it has in the video."""
        shown, segments = sample.target["shown"], sample.target["segments"]
        single = len(sample.clips) == 1
        marks, start = [], 0
        for at, (part, segment) in enumerate(zip(shown, segments, strict=True)):
            stop = start + segment[1] - segment[0]
            tone = (part - 1) / (len(shown) - 1)
            label = f"part {at + 1} plays {ordinal(part)}" if single else f"plays {ordinal(part)}"
            marks.append(Mark(0 if single else at, start, stop, label, tone=tone))
            start = stop if single else 0
        return marks


plugin = Jigsaw()
