"""Anomaly grounding: one span of a video is altered, and the model says when.

A perturbation (mirror, channel swap, ...) is applied to consecutive frames of a clip; the answer is
the interval in seconds. For example

    [video] One part of this video is altered. When does it start and end? Answer with the seconds
    alone, one decimal each, joined by a hyphen, as in 14.5-26.2.
    -> 3.2-7.9

where 3.2 and 7.9 are the presentation times of the first and of the last altered frame: times that
the model reads next to the frames. Source: VideoSSR (arXiv 2511.06281), section 3, anomaly grounding;
the reward is its temporal intersection over union.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from videossr import Unparsable, Unsuitable, hookimpl
from videossr.change import mean_change
from videossr.draw import whole
from videossr.marks import Mark
from videossr.perturbations import Perturbations  # noqa: TC001 - Pydantic reads the annotation
from videossr.ramp import Ramp, within
from videossr.sample import Sample, question_prompt

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from videossr import Clip
    from videossr.facades import Perturbation

#: The longest completion that is looked at; an answer is a tenth of it.
LONGEST: Final = 200


class AnomalyConfig(BaseModel):
    """What is done to the video, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    perturbations: Annotated[
        Perturbations,
        Field(
            description="the alterations to draw from, by name, each with its settings and weight"
        ),
    ]
    min_segment_frames: Annotated[
        Ramp,
        within(1, 4096),
        Field(description="fewest frames that are altered; harder is shorter"),
    ] = Ramp.between(12, 4, train=8)
    max_segment_frames: Annotated[
        Ramp,
        within(1, 4096),
        Field(
            description="most frames that are altered; never more than three quarters of the clip"
        ),
    ] = Ramp.between(24, 8, train=16)
    margin: Annotated[
        Ramp,
        within(0, 4096),
        Field(
            description="frames left as they are at either end, at least; harder is fewer. In a short "
            "clip the margin gives way before the length does"
        ),
    ] = Ramp.between(4, 0, train=0)
    min_change: Annotated[
        Annotated[float, Field(ge=0, le=255)] | None,
        Field(
            description="mean absolute change of the altered pixels, in grey levels of 255, under "
            "which the alteration counts as invisible and is drawn again; 0 lets any pass. null: "
            "what each perturbation itself says",
        ),
    ] = None
    redraws: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="alterations that are invisible, or do not suit the clip, drawn again before "
            "a clip is given up",
        ),
    ] = 20
    named: Annotated[
        bool, Field(description="whether the prompt says what the alteration looks like")
    ] = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for level in ("easy", "train", "hard"):
            least = getattr(self.min_segment_frames, level)
            greatest = getattr(self.max_segment_frames, level)
            if greatest < least:
                raise ValueError(
                    f"max_segment_frames is {greatest:g} at {level} and min_segment_frames {least:g}; "
                    "must be at least that"
                )
        return self


class Interval(NamedTuple):
    """A stretch of time in seconds, both ends included; without any moment if `end` < `start`."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return max(0.0, self.end - self.start)


# The generator


def draw_segment(
    frames: int, config: AnomalyConfig, difficulty: float, rng: random.Random
) -> tuple[int, int]:
    """Draw where the alteration starts and stops, as frame numbers, the stop not included.

    At least a quarter of the clip stays as it was: of a clip altered all over, nothing stands out. Up
    to the margin both ends stay as they were, so that there is something to compare with on either side.
    Where the margin does not fit beside the length that was drawn, half of what is left stands in for it.

    Raises:
        Unsuitable: the shortest segment of this difficulty takes more than three quarters.
    """
    least = config.min_segment_frames.whole_at(difficulty)
    room = frames - -(-frames // 4)
    if room < least:
        raise Unsuitable(f"{frames} frames; needs at least {-(-4 * least // 3)}")
    length = whole(rng, least, min(room, config.max_segment_frames.whole_at(difficulty)))
    margin = min(config.margin.whole_at(difficulty), (frames - length) // 2)
    start = whole(rng, margin, frames - length - margin)
    return start, start + length


def altered(
    clip: Clip, config: AnomalyConfig, difficulty: float, rng: random.Random
) -> tuple[Clip, tuple[int, int], Perturbation, int]:
    """The clip with one segment altered visibly, the segment, the perturbation, and the redraws.

    Raises:
        Unsuitable: too few frames, or every alteration that was tried could hardly be seen or did not
            suit the clip.
    """
    from videossr import Segment  # noqa: PLC0415 - needs torch, which a light import leaves out

    reasons: set[str] = set()
    for redraws in range(config.redraws + 1):
        perturbation = config.perturbations.pick(rng)
        segment = Segment(*draw_segment(len(clip), config, difficulty, rng))
        before = clip.cut(segment)
        try:
            after = perturbation.apply(before, rng=rng)
        except Unsuitable as reason:
            reasons.add(str(reason))
            continue
        if shows(perturbation, before, after, config.min_change):
            return clip.splice(segment, after), (segment.start, segment.stop), perturbation, redraws
    names = ", ".join(perturbation.name for perturbation in config.perturbations)
    needed = "" if config.min_change is None else f"; needs a mean of {config.min_change:g} of 255"
    # In a fixed order: the reasons of a build are counted by their words.
    refused = "".join(f"; {reason}" for reason in sorted(reasons))
    raise Unsuitable(f"no visible change by {names}{needed}{refused}")


def shows(
    perturbation: Perturbation, before: Clip, after: Tensor, min_change: float | None
) -> bool:
    """Whether an alteration can be seen: by the mean change if one is asked for, else as it says itself."""
    if min_change is None:
        return perturbation.visible(before, after)
    return mean_change(before.frames, after) >= min_change


def question(perturbation: Perturbation, *, named: bool) -> str:
    """The text of the prompt."""
    what = perturbation.phrase if named else "altered"
    return (
        f"One part of this video is {what}. When does it start and end? Answer with the seconds "
        "alone, one decimal each, joined by a hyphen, as in 14.5-26.2."
    )


# The scorer

# Every optional piece starts with space and goes on with something else, so that a run of spaces can be
# read in one way only and a hostile text can't make the search long.
_TIME: Final = r"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)(?:\s*s(?:ec(?:ond)?s?)?)?"
_FORM: Final = re.compile(
    rf"""(?P<fence>```[a-z]*\s+)?                  # a code fence is form, not content
    {_TIME}\s*(?:-|\u2013|to)\s*{_TIME}           # a hyphen, an en dash or the word
    (?:\s*\.)?(?(fence)\s*```)""",
    re.ASCII | re.VERBOSE,
)


def read_interval(completion: str) -> Interval:
    """The interval that a completion states, `14.5-26.2`.

    Forgiven: space around numbers, a full stop at the end, units (`s`, `sec`, `seconds`), `to` or an en dash
    for the hyphen, fewer or more decimals, a code fence. Nothing is guessed out of prose.

    Raises:
        Unparsable: any other text.
    """
    match = _FORM.fullmatch(completion.strip()) if len(completion) <= LONGEST else None
    if match is None:
        raise Unparsable("must be two times in seconds joined by a hyphen, such as 14.5-26.2")
    return Interval(float(match[2]), float(match[3]))


def temporal_iou(predicted: Interval, true: Interval) -> float:
    """Shared seconds over covered seconds, in [0, 1]; exactly 1.0 for equal intervals.

    An interval that ends before it starts holds no moment and shares none: 0.0. One that ends where
    it starts has no length: 1.0 against its equal, 0.0 against any other.
    """
    if predicted == true:
        return 1.0
    shared = min(predicted.end, true.end) - max(predicted.start, true.start)
    covered = predicted.seconds + true.seconds - max(0.0, shared)
    # rounding may carry the ratio of nearly equal intervals past 1
    return min(1.0, shared / covered) if shared > 0 else 0.0


def spread(times: Sequence[float]) -> list[float]:
    """At most 17 of some times, from the least to the greatest, as many between one and the next."""
    ordered = sorted(times)
    return sorted({ordered[(len(ordered) - 1) * i // 16] for i in range(17)})


class Anomaly:
    """The task `anomaly`."""

    Config = AnomalyConfig
    summary = "Find the span of a video that was altered, in seconds"
    version = "2"

    @hookimpl
    def make_sample(
        self, clip: Clip, config: AnomalyConfig, difficulty: float, rng: random.Random
    ) -> Sample:
        """Alter a segment and ask when."""
        shown, (start, stop), perturbation, redraws = altered(clip, config, difficulty, rng)
        # adding zero makes a zero of "-0.0", which a time just before zero is rounded to
        first, last = (round(float(clip.times[at]), 1) + 0.0 for at in (start, stop - 1))
        return Sample(
            prompt=question_prompt(None, question(perturbation, named=config.named)),
            clips=(shown,),
            answer=f"{first:.1f}-{last:.1f}",
            target={
                "start": first,
                "end": last,
                "segment": [start, stop],
                "perturbation": perturbation.name,
                "redraws": redraws,
            },
        )

    @hookimpl
    def reward(self, completion: str, target: Mapping[str, Any]) -> float:
        """The temporal intersection over union of the stated and the true interval."""
        return temporal_iou(read_interval(completion), Interval(target["start"], target["end"]))

    def near_misses(self, sample: Sample) -> Sequence[str]:
        """The interval late by a quarter of its length, by half of it, and altogether."""
        true = read_interval(sample.answer)
        late = (max(0.1, share * true.seconds) for share in (0.25, 0.5, 1.0))
        # adding zero makes a zero of "-0.0", as in the answer itself
        missed = (Interval(*(round(end + by, 1) + 0.0 for end in true)) for by in late)
        return [f"{start:.1f}-{end:.1f}" for start, end in missed]

    def guesses(self, samples: Sequence[Sample]) -> Sequence[str]:
        """Intervals from and to the times at which segments begin and end.

        The best one is longer than any segment: it takes in the middle, where most of them lie.
        """
        true = [read_interval(sample.answer) for sample in samples]
        starts = spread([interval.start for interval in true])
        ends = spread([interval.end for interval in true])
        return [f"{start:.1f}-{end:.1f}" for start in starts for end in ends if start < end]

    def answer_times(self, answer: str) -> Sequence[float]:
        """The start and the end."""
        return read_interval(answer)

    def marks(self, sample: Sample) -> Sequence[Mark]:
        """The altered segment, under the name of what was done to it."""
        start, stop = sample.target["segment"]
        return [Mark(0, start, stop, sample.target["perturbation"])]


plugin = Anomaly()
