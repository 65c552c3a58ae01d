"""Object counting: shapes are drawn on a few frames of a video, and the model counts each kind.

For example

    [video] Shapes are drawn on some frames of this video. How many circles, squares, triangles are
    there over all frames? Answer with the numbers alone, in this order, joined by commas, as in 3,1,4.
    -> 2,5,1

A frame holds shapes of one kind only, none overlaps another or leaves the frame, and what is counted is
what was drawn. Source: VideoSSR (arXiv 2511.06281), section 3, object counting; the reward is its mean
relative closeness of the counts.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from videossr import Unparsable, Unsuitable, hookimpl
from videossr.draw import whole
from videossr.marks import Box, Mark
from videossr.ramp import Ramp, within
from videossr.sample import Sample, question_prompt
from videossr_counting.placing import Look, fill, spaced_frames
from videossr_counting.shapes import LEAST_PIXELS, MARGIN, Kind, Shape, paint

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from videossr import Clip

#: Epsilon of the reward: keeps a count of zero from dividing by zero, where any other count earns 0.
EPSILON: Final = 1e-6

#: The longest completion that is looked at; an answer is a tenth of it.
LONGEST: Final = 200


class CountingConfig(BaseModel):
    """Which shapes, how many, and how they look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: Annotated[
        tuple[Kind, ...],
        Field(
            min_length=1,
            max_length=6,
            description="the kinds that are drawn, in the answer's order",
        ),
    ] = ("circle", "square", "triangle")
    max_frames: Annotated[
        Ramp, within(1, 64), Field(description="most frames that hold a kind; the least is 1")
    ] = Ramp.between(2, 5, train=3)
    max_instances: Annotated[
        Ramp, within(1, 16), Field(description="most shapes on such a frame; the least is 1")
    ] = Ramp.between(2, 5, train=3)
    min_gap: Annotated[
        int,
        Field(
            ge=1,
            le=4096,
            description="frame numbers of one kind differ by at least this; where a clip is too short "
            "for it, by the most that is found to fit",
        ),
    ] = 8
    min_size: Annotated[
        Ramp,
        within(0.05, 0.8),
        Field(
            description="smallest circle around a shape, across, of the short side; harder is smaller"
        ),
    ] = Ramp.between(0.3, 0.12, train=0.2)
    max_size: Annotated[
        Ramp,
        within(0.05, 0.8),
        Field(
            description="largest circle around a shape, across, of the short side; harder is smaller"
        ),
    ] = Ramp.between(0.45, 0.3, train=0.4)
    max_angle: Annotated[
        Ramp,
        within(0, 360),
        Field(description="most degrees that a shape is turned by; the least is 0"),
    ] = Ramp.between(30, 360, train=360)
    colors: Annotated[
        Literal["random", "by_kind"],
        Field(
            description="random: any; by_kind: red circles, green squares, blue triangles, yellow "
            "pentagons, magenta stars, cyan rectangles"
        ),
    ] = "random"
    min_contrast: Annotated[
        Ramp,
        within(0, 127),
        Field(
            description="mean difference of the three channels, in grey levels of 255, between a shape "
            "and the average of what it covers, and half as much from nine tenths of the pixels just "
            "around it; under it another colour is drawn, or another place; harder is less"
        ),
    ] = Ramp.between(80, 40, train=60)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError(f"kinds {', '.join(self.kinds)}; must each be named once")
        for level in Ramp.model_fields:
            least, greatest = getattr(self.min_size, level), getattr(self.max_size, level)
            if greatest < least:
                raise ValueError(
                    f"max_size is {greatest:g} at {level} and min_size {least:g}; "
                    "must be at least that"
                )
        return self

    def look(self, difficulty: float) -> Look:
        """What shapes look like at a difficulty in [0, 1]."""
        return Look(
            min_size=self.min_size.at(difficulty),
            max_size=self.max_size.at(difficulty),
            max_angle=self.max_angle.at(difficulty),
            min_contrast=self.min_contrast.at(difficulty),
            colors=self.colors,
        )


# The generator


def draw_shapes(
    clip: Clip, config: CountingConfig, difficulty: float, rng: random.Random
) -> list[Shape]:
    """Draw what goes where, kind by kind and frame by frame. Every shape of it can be drawn.

    Raises:
        Unsuitable: fewer frames than kinds, frames too small, or no place where a shape stands out.
    """
    kinds = config.kinds
    if len(clip) < len(kinds):
        raise Unsuitable(f"{len(clip)} frames; needs at least {len(kinds)}")
    short = min(clip.height, clip.width)
    look = config.look(difficulty)
    least = max(LEAST_PIXELS[kind] for kind in kinds)
    needed = math.ceil(max(least / look.min_size, 2 * MARGIN / (1 - look.min_size)))
    if short < needed:
        raise Unsuitable(f"{short} pixels on the short side; needs at least {needed}")
    # every kind finds frames of its own if none takes more than its part
    most_frames = min(config.max_frames.whole_at(difficulty), len(clip) // len(kinds))
    most_instances = config.max_instances.whole_at(difficulty)
    shapes: list[Shape] = []
    taken: set[int] = set()
    for kind in kinds:
        number = whole(rng, 1, most_frames)
        chosen = spaced_frames(len(clip), number, config.min_gap, taken, rng)
        taken.update(chosen)
        for frame in chosen:
            instances = whole(rng, 1, most_instances)
            shapes += fill(clip.frames[frame], frame, kind, instances, look=look, rng=rng)
    if not shapes:
        raise Unsuitable("no place where a shape stands out")
    return shapes


def question(kinds: Sequence[Kind]) -> str:
    """The text of the prompt."""
    names = ", ".join(f"{kind}s" for kind in kinds)
    example = ",".join(("3", "1", "4", "1", "5", "9")[: len(kinds)])
    form = "the numbers alone, in this order, joined by commas" if kinds[1:] else "the number alone"
    return (
        f"Shapes are drawn on some frames of this video. How many {names} are there over all frames? "
        f"Answer with {form}, as in {example}."
    )


# The scorer

# Every optional piece starts with space and goes on with something else, so that a run of spaces can be
# read in one way only and a hostile text can't make the search long.
_FORM: Final = re.compile(
    r"""(?P<fence>```[a-z]*\s+)?                   # a code fence is form, not content
    (?P<counts>[0-9]{1,6}(?:\s*,\s*[0-9]{1,6})*)
    (?:\s*\.)?(?(fence)\s*```)""",
    re.ASCII | re.VERBOSE,
)


def read_counts(completion: str, kinds: int) -> list[int]:
    """The counts that a completion states, `3,1,4`.

    Forgiven: space around commas and around the whole, a full stop at the end, leading zeros, a code
    fence. Nothing is guessed out of prose.

    Raises:
        Unparsable: any other text, or another number of counts than `kinds`.
    """
    match = _FORM.fullmatch(completion.strip()) if len(completion) <= LONGEST else None
    counts = [int(count) for count in match["counts"].split(",")] if match else []
    if len(counts) != kinds:
        raise Unparsable(f"must be {kinds} whole numbers joined by commas, one for each kind")
    return counts


def closeness(counts: Sequence[int], true: Sequence[int]) -> float:
    """The mean over kinds of max(0, 1 - |stated - true| / (true + epsilon)); 1.0 where all are exact.

    Where the true count is zero, zero is worth 1 and any other count nothing.
    """
    pairs = zip(counts, true, strict=True)
    each = [max(0.0, 1 - abs(count - right) / (right + EPSILON)) for count, right in pairs]
    return sum(each) / len(each)


class Counting:
    """The task `counting`."""

    Config = CountingConfig
    summary = "Count the shapes of each kind drawn on frames of a video"
    version = "2"

    @hookimpl
    def make_sample(
        self, clip: Clip, config: CountingConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        """Draw shapes on a few frames and ask how many there are."""
        shapes = draw_shapes(clip, config, difficulty, rng)
        counts = [sum(shape.kind == kind for shape in shapes) for kind in config.kinds]
        return Sample(
            prompt=question_prompt(None, question(config.kinds)),
            clips=(clip.with_frames(paint(clip.frames, shapes)),),
            answer=",".join(map(str, counts)),
            target={
                "kinds": list(config.kinds),
                "counts": counts,
                "shapes": [{**asdict(shape), "color": list(shape.color)} for shape in shapes],
            },
        )

    @hookimpl
    def reward(self, completion: str, target: Mapping[str, Any]) -> float:
        """The mean relative closeness of the stated to the true counts."""
        true = target["counts"]
        return closeness(read_counts(completion, len(true)), true)

    def guesses(self, samples: Sequence[Sample]) -> Sequence[str]:
        """The same number of every kind, which are drawn alike: all numbers that occur."""
        kinds = len(samples[0].target["counts"])
        numbers = sorted({count for sample in samples for count in sample.target["counts"]})
        return [",".join([str(number)] * kinds) for number in numbers]

    def near_misses(self, sample: Sample) -> Sequence[str]:
        """One too many of the first kind, of the first two, and so on; and more than twice of all."""
        true = sample.target["counts"]
        missed = [
            [count + (at < wrong) for at, count in enumerate(true)]
            for wrong in range(1, len(true) + 1)
        ]
        return [",".join(map(str, counts)) for counts in [*missed, [2 * c + 1 for c in true]]]

    def marks(self, sample: Sample) -> Sequence[Mark]:
        """Each shape, by the square around the circle around it."""
        marks = []
        for shape in sample.target["shapes"]:
            frame, radius = shape["frame"], shape["radius"]
            box = Box(shape["x"] - radius, shape["y"] - radius, 2 * radius, 2 * radius)
            marks.append(Mark(0, frame, frame + 1, shape["kind"], box))
        return marks


plugin = Counting()
