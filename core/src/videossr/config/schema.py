"""The sections of the run configuration that the core itself reads."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

from videossr.json_schema import Shorthand
from videossr.levels import LEVELS
from videossr.schedules import Constant, ScheduleField

#: More than nothing, and less than infinity.
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


#: Frames of a clip.
MOST_FRAMES: Final = 4096

#: Pixels of a frame, such as 8192 x 8192, and of all frames of a clip together: 6 GiB.
MOST_PIXELS: Final = 2**26
MOST_IN_CLIP: Final = 2**31

#: Questions of a dataset, which are planned in memory.
MOST_QUESTIONS: Final = 10_000_000


class Section(BaseModel):
    """Base of a section: unknown fields are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _listed(value: object) -> object:
    if value in ([], ()):
        raise ValueError("must have at least one item, or be null")
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


class VideoConfig(Section):
    """Which frames are taken from a video, and at what size."""

    num_frames: Annotated[
        int,
        Field(
            ge=4,
            le=MOST_FRAMES,
            multiple_of=2,
            description="frames in a clip; the model reads pairs",
        ),
    ] = 48
    min_frames: Annotated[
        int,
        Field(
            ge=4,
            le=MOST_FRAMES,
            description="a video with fewer frames than this is left out",
        ),
    ] = 16
    max_pixels: Annotated[
        PositiveInt,
        Field(le=MOST_PIXELS, description="most pixels of a frame, height times width"),
    ] = 256 * 256
    min_pixels: Annotated[
        PositiveInt, Field(description="fewest pixels of a frame, height times width")
    ] = 128 * 128
    size_multiple: Annotated[
        PositiveInt, Field(description="both sides are a multiple of this: 32 for Qwen3-VL")
    ] = 32
    spacing: Annotated[
        tuple[Positive, ...] | None,
        BeforeValidator(_listed),
        Shorthand({"type": "number", "exclusiveMinimum": 0}),
        Field(
            description="seconds between frames, one drawn for each window; "
            "null spreads the frames over the whole video",
        ),
    ] = None
    windows_per_video: Annotated[
        PositiveInt | None,
        Field(description="with spacing: distinct windows of one video; null for one a question"),
    ] = None
    fps: Annotated[
        Positive | None,
        Field(
            description="frames a second, num_frames at most; more of a longer video are spread over "
            "it. null takes num_frames of every video"
        ),
    ] = None
    trim: Annotated[
        float,
        Field(ge=0, lt=0.5, description="share of the video left out at its beginning and its end"),
    ] = 0.0
    pixels: Annotated[
        Literal["exact", "jpeg"],
        Field(
            description="exact: as decoded. jpeg: as they come back from JPEG of quality 90, before "
            "any alteration: a tenth of the store's space, a little less sharp"
        ),
    ] = "exact"
    decoder: Annotated[
        Literal["pyav", "torchcodec"],
        Field(description="torchcodec needs FFmpeg's libraries, PyAV brings its own"),
    ] = "pyav"

    @model_validator(mode="after")
    def _consistent(self) -> VideoConfig:
        smallest = self.size_multiple**2
        if self.max_pixels < smallest:
            raise ValueError(
                f"max_pixels {self.max_pixels} is less than one tile of "
                f"size_multiple {self.size_multiple}; must be at least {smallest}"
            )
        if self.min_pixels > self.max_pixels:
            raise ValueError(
                f"min_pixels {self.min_pixels} is more than max_pixels {self.max_pixels}; "
                "must be at most that"
            )
        if self.num_frames * self.max_pixels > MOST_IN_CLIP:
            raise ValueError(
                f"num_frames {self.num_frames} of max_pixels {self.max_pixels} are "
                f"{self.num_frames * self.max_pixels:,} pixels in a clip; must be at most "
                f"{MOST_IN_CLIP:,}"
            )
        if self.min_frames > self.num_frames:
            raise ValueError(
                f"min_frames {self.min_frames} is more than num_frames {self.num_frames}; "
                "must be at most that"
            )
        if self.fps is not None and self.spacing is not None:
            raise ValueError(
                f"fps {self.fps:g} and spacing {list(self.spacing)} both say how far apart frames "
                "are; give one of them"
            )
        return self


class StoreConfig(Section):
    """Where decoded clips are kept between runs."""

    folder: Annotated[
        str | None,
        Field(description="a folder that all runs may share; null keeps none"),
    ] = None
    max_gib: Annotated[
        Positive, Field(description="GiB that it may take; a full store takes no more clips")
    ] = 200.0


class BuildConfig(Section):
    """How many questions are made, and about which videos."""

    size: Annotated[
        PositiveInt, Field(le=MOST_QUESTIONS, description="questions in all, shared by task weight")
    ] = 30_000
    refill: Annotated[
        bool,
        Field(
            description="share the questions of tasks that are switched off among the others, which are "
            "asked other ones then. false leaves them out of `size`, and all others stay as they are"
        ),
    ] = False
    off: Annotated[
        dict[str, Positive],
        Field(
            description="weights of tasks whose share is left out; filled in from the tasks that are "
            "switched off"
        ),
    ] = {}
    check: Annotated[
        bool,
        Field(
            description="render every question once: its answer is noted, and a video that cannot carry "
            "it is exchanged for another. false plans the questions from the table of videos alone, "
            "tens of thousands a minute; what they turn out to be is found when they are rendered"
        ),
    ] = True
    part: Annotated[
        Literal["all", "train", "held_out"],
        Field(description="the videos to ask about: all, those that are held out, or the others"),
    ] = "all"
    held_out: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            description="share of videos that are held out; which they are follows from a video's "
            "content, so that a video is on the same side in every table",
        ),
    ] = 0.1
    split_seed: Annotated[int, Field(ge=0, description="another seed holds out other videos")] = 0


class PluginsConfig(Section):
    """Which plugins may be used at all, and what they may take."""

    allow: Annotated[
        tuple[str, ...] | None,
        Field(
            description="plugins, or packages that bring them; all others are barred, and not imported; "
            "null bars none"
        ),
    ] = None
    folders: Annotated[
        tuple[str, ...],
        Field(description="folders of loose files, each a plugin; seen from the file's own folder"),
    ] = ()
    time_limit_s: Annotated[
        Positive | None,
        Field(description="seconds after which a call of a hook ends the run; null for no limit"),
    ] = None


class Switch(Section):
    """What the core reads of every plugin's entry; the rest is the plugin's own."""

    enabled: Annotated[bool, Field(description="false leaves the plugin out")] = True


class ModifierEntry(Switch):
    """What the core reads of a modifier's entry; the rest is the plugin's own."""

    tasks: Annotated[
        tuple[str, ...] | None,
        Field(
            description="entries of `tasks` that it lies around, with their perturbations; null for all"
        ),
    ] = None


class Entry(Switch):
    """What the core reads of a perturbation's entry; the rest is the plugin's own."""

    weight: Annotated[Positive, Field(description="share relative to its neighbours")] = 1.0


class TaskEntry(Entry):
    """What the core reads of a task's entry; the rest is the plugin's own."""

    weight: Annotated[
        Positive,
        Field(
            description="share of the questions, relative to its neighbours; a training run may have "
            "another than its dataset"
        ),
    ] = 1.0
    plugin: Annotated[
        str | None,
        Field(
            description="the task's plugin, where the entry has a name of its own, so that one plugin "
            "may stand here several times; null for the plugin of the entry's name"
        ),
    ] = None
    difficulty: Annotated[
        ScheduleField,
        Field(
            description="0 to 1, or a level: easy, train, hard; or a schedule, "
            "such as {kind: linear, start: easy, stop: hard}",
        ),
    ] = Constant(at=LEVELS["train"])
