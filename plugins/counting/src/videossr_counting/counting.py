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
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from videossr import Unparsable, Unsuitable, hookimpl
from videossr.draw import shuffled, uniform, whole
from videossr.ramp import Ramp, within
from videossr.sample import Sample, question_prompt

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from videossr import Clip

Kind = Literal["circle", "square", "triangle"]
Color = tuple[int, int, int]

#: How many corners the polygons have.
CORNERS: Final[Mapping[Kind, int]] = {"square": 4, "triangle": 3}

#: One saturated colour for each kind, so that a tiny model can count colours instead of outlines.
COLORS: Final[Mapping[Kind, Color]] = {
    "circle": (255, 0, 0),
    "square": (0, 255, 0),
    "triangle": (0, 0, 255),
}

#: Pixels kept free around a shape, so that neighbours never touch, smooth edges included.
MARGIN: Final = 2.0

#: Pixels across, at least; smaller circles and squares look alike.
LEAST_PIXELS: Final = 6

#: Epsilon of the reward: keeps a count of zero from dividing by zero, where any other count earns 0.
EPSILON: Final = 1e-6

#: The longest completion that is looked at; an answer is a tenth of it.
LONGEST: Final = 200

_PLACES: Final = 60  # tried for a shape before the frame is begun anew
_RESTARTS: Final = 4  # of a frame before it gets fewer shapes than drawn
_DRAWS: Final = 64  # of frames at one gap, or of a colour


class CountingConfig(BaseModel):
    """Which shapes, how many, and how they look."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: Annotated[
        tuple[Kind, ...],
        Field(
            min_length=1,
            max_length=3,
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
        float,
        Field(
            ge=0.05, le=0.8, description="smallest circle around a shape, across, of the short side"
        ),
    ] = 0.2
    max_size: Annotated[
        float,
        Field(
            ge=0.05, le=0.8, description="largest circle around a shape, across, of the short side"
        ),
    ] = 0.4
    colors: Annotated[
        Literal["random", "by_kind"],
        Field(description="random: any; by_kind: red circles, green squares, blue triangles"),
    ] = "random"
    min_contrast: Annotated[
        float,
        Field(
            ge=0,
            le=127,
            description="mean difference of the three channels, in grey levels of 255, between a shape "
            "and the average of what it covers; under it another colour is drawn, or another place "
            "where the colour is fixed",
        ),
    ] = 60.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError(f"kinds {', '.join(self.kinds)}; must each be named once")
        if self.max_size < self.min_size:
            raise ValueError(
                f"max_size {self.max_size:g} is less than min_size {self.min_size:g}; "
                "must be at least that"
            )
        return self


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape on one frame.

    Attributes:
        frame: its number in the clip.
        x, y: the centre in pixels; the first pixel reaches from 0 to 1.
        radius: of the circle around the shape, in pixels.
        angle: from the right to where an edge faces, clockwise, in degrees.
        color: red, green and blue, 0 to 255.
    """

    frame: int
    kind: Kind
    x: float
    y: float
    radius: float
    angle: float
    color: Color


# The generator


def spaced_frames(
    frames: int, number: int, gap: int, taken: set[int], rng: random.Random
) -> list[int]:
    """Frames that are not taken, `gap` apart or, where none such are found, as far as is found to fit."""
    for spacing in range(gap, 1, -1):
        # Leaving out the frames that the gaps use up makes any choice from the rest a spaced one.
        room = frames - (number - 1) * (spacing - 1)
        for _ in range(_DRAWS if room >= number else 0):
            places = sorted(shuffled(rng, range(room))[:number])
            chosen = [place + i * (spacing - 1) for i, place in enumerate(places)]
            if taken.isdisjoint(chosen):
                return chosen
    return sorted(shuffled(rng, sorted(set(range(frames)) - taken))[:number])


def coverage(shape: Shape) -> tuple[tuple[slice, slice], Tensor]:
    """The rows and columns around a shape, and how much of each pixel there it covers.

    From the distance of a pixel's centre to the outline, negative inside: an edge one pixel wide.

    Returns:
        Slices, and float64 [rows, columns] in [0, 1].
    """
    import torch  # noqa: PLC0415 - torch is no part of a light import

    # the smooth edge ends half a pixel from the sides, which is a whole one from a triangle's corner
    reach = shape.radius + 1
    top, left = math.floor(shape.y - reach), math.floor(shape.x - reach)
    bottom, right = math.ceil(shape.y + reach), math.ceil(shape.x + reach)
    y = (torch.arange(top, bottom, dtype=torch.float64) + (0.5 - shape.y))[:, None]
    x = (torch.arange(left, right, dtype=torch.float64) + (0.5 - shape.x))[None, :]
    if shape.kind == "circle":
        distance = (x * x + y * y).sqrt() - shape.radius
    else:
        # a regular polygon is where one is inside of every edge
        corners = CORNERS[shape.kind]
        edges = []
        for edge in range(corners):
            normal = math.radians(shape.angle + 360 * edge / corners)
            edges.append(x * math.cos(normal) + y * math.sin(normal))
        distance = torch.stack(edges).amax(0) - shape.radius * math.cos(math.pi / corners)
    return (slice(top, bottom), slice(left, right)), (0.5 - distance).clamp(0, 1)


def covered_mean(picture: Tensor, shape: Shape) -> tuple[float, float, float]:
    """The mean red, green and blue of the pixels, uint8 [3, H, W], that a shape would cover."""
    (rows, columns), share = coverage(shape)
    inside = share > 0.5  # noqa: PLR2004 - pixels that are mostly covered
    # summed as whole numbers, so that no order of summation can tip a comparison
    red, green, blue = (int(total) for total in picture[:, rows, columns][:, inside].long().sum(1))
    pixels = int(inside.sum())
    return red / pixels, green / pixels, blue / pixels


def stands_out(color: Color, background: Sequence[float], config: CountingConfig) -> bool:
    """Whether a colour differs enough from an average background."""
    apart = sum(abs(one - other) for one, other in zip(color, background, strict=True)) / 3
    return apart >= config.min_contrast


def draw_color(
    kind: Kind, background: Sequence[float], config: CountingConfig, rng: random.Random
) -> Color | None:
    """A colour that stands out; None where the kind's fixed one does not."""
    if config.colors == "by_kind":
        return COLORS[kind] if stands_out(COLORS[kind], background, config) else None
    for _ in range(_DRAWS):
        color = whole(rng, 0, 255), whole(rng, 0, 255), whole(rng, 0, 255)
        if stands_out(color, background, config):
            return color
    # of black and white in each channel, the farther one is at least 127.5 away
    red, green, blue = (0 if level > 127 else 255 for level in background)  # noqa: PLR2004
    return red, green, blue


def fit(
    picture: Tensor,
    frame: int,
    kind: Kind,
    others: Sequence[Shape],
    *,
    config: CountingConfig,
    rng: random.Random,
) -> Shape | None:
    """Draw a shape that is clear of the others, smaller with each place that fails; None if none fits."""
    height, width = picture.shape[1:]
    short = min(height, width)
    size = uniform(rng, config.min_size, config.max_size)
    angle = round(uniform(rng, 0, 360), 1)
    for _ in range(_PLACES):
        radius = round(size * short / 2, 2)
        reach = radius + MARGIN
        size = max(config.min_size, 0.95 * size)
        if 2 * reach > short:
            continue
        x = round(uniform(rng, reach, width - reach), 2)
        y = round(uniform(rng, reach, height - reach), 2)
        if any(math.hypot(x - o.x, y - o.y) < reach + o.radius + MARGIN for o in others):
            continue
        shape = Shape(frame, kind, x, y, radius, angle, (0, 0, 0))
        color = draw_color(kind, covered_mean(picture, shape), config, rng)
        if color is not None:
            return Shape(frame, kind, x, y, radius, angle, color)
    return None


def fill(
    picture: Tensor,
    frame: int,
    kind: Kind,
    number: int,
    *,
    config: CountingConfig,
    rng: random.Random,
) -> list[Shape]:
    """Draw shapes for one frame: as many as asked for, or the most that were found to fit."""
    fullest: list[Shape] = []
    for _ in range(_RESTARTS):
        shapes: list[Shape] = []
        while len(shapes) < number:
            shape = fit(picture, frame, kind, shapes, config=config, rng=rng)
            if shape is None:
                break
            shapes.append(shape)
        fullest = max(fullest, shapes, key=len)
        if len(fullest) == number:
            break
    return fullest


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
    needed = math.ceil(max(LEAST_PIXELS / config.min_size, 2 * MARGIN / (1 - config.min_size)))
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
            picture = clip.frames[frame]
            shapes += fill(picture, frame, kind, instances, config=config, rng=rng)
    if not shapes:
        raise Unsuitable("no place where a shape stands out")
    return shapes


def paint(frames: Tensor, shapes: Sequence[Shape]) -> Tensor:
    """A copy of frames, uint8 [T, 3, H, W], with the shapes on them."""
    painted = frames.clone()
    for shape in shapes:
        (rows, columns), share = coverage(shape)
        patch = painted[shape.frame, :, rows, columns]
        color = share.new_tensor(shape.color)[:, None, None]
        patch.copy_((patch + (color - patch) * share).round())
    return painted


def question(kinds: Sequence[Kind]) -> str:
    """The text of the prompt."""
    names = ", ".join(f"{kind}s" for kind in kinds)
    example = ",".join(("3", "1", "4")[: len(kinds)])
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
    """The mean over kinds of max(0, 1 - |stated - true| / (true + epsilon)); 1.0 where all are exact."""
    pairs = zip(counts, true, strict=True)
    each = [max(0.0, 1 - abs(count - right) / (right + EPSILON)) for count, right in pairs]
    return sum(each) / len(each)


class Counting:
    """The task `counting`."""

    Config = CountingConfig
    summary = "Count the circles, squares and triangles drawn on frames of a video"
    version = "1"

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


plugin = Counting()
