"""What a model is shown besides its own video: nothing, or the video of another question.

A grey picture is foreign to a model and may hurt it for that alone; the video of another question
shows it something it knows, and has nothing to do with the right answer. Both stand beside the score.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import torch

from videossr import Clip, ConfigError
from videossr.errors import Mistake, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.dataset import Recipe
    from videossr.sample import Sample

Condition = Literal["sighted", "blind", "wrong_video"]
CONDITIONS: Final[tuple[Condition, ...]] = ("sighted", "blind", "wrong_video")

_GREY: Final = 128


def conditions_of(text: str) -> tuple[Condition, ...]:
    """The conditions that a comma-separated list names, each once, in their own order.

    Raises:
        ConfigError: it names something else, or none.
    """
    named = [word.strip() for word in text.split(",") if word.strip()]
    mistakes = [
        Mistake(
            "--conditions",
            f"{name!r} is none",
            did_you_mean(name, CONDITIONS) or f"there are {', '.join(CONDITIONS)}",
        )
        for name in named
        if name not in CONDITIONS
    ]
    if not named:
        mistakes = [Mistake("--conditions", "names none", f"there are {', '.join(CONDITIONS)}")]
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(condition for condition in CONDITIONS if condition in named)


def strangers(recipes: Sequence[Recipe], *, one_video: bool = False) -> list[int]:
    """For each question the number of the one whose video it is shown wrongly.

    The next question of the same subtask that is about another video and has another answer; where
    all answers are alike, about another video.

    Args:
        recipes: of the questions.
        one_video: where a subtask asks about one video only, another question about it has to do.

    Raises:
        ConfigError: a subtask asks about one video only; with `one_video`, it has but one question.
    """
    subtasks: dict[str, list[int]] = defaultdict(list)
    for number, recipe in enumerate(recipes):
        subtasks[recipe.task].append(number)
    alone = [
        Mistake(
            "--conditions",
            f"wrong_video: all questions of {name} are about one video",
            "leave it out, or build the benchmark from more videos",
        )
        for name, numbers in subtasks.items()
        if len(numbers if one_video else {recipes[number].video_hash for number in numbers}) == 1
    ]
    if alone:
        raise ConfigError(alone)
    found = [0] * len(recipes)
    for numbers in subtasks.values():
        for place, number in enumerate(numbers):
            following = [*numbers[place + 1 :], *numbers[:place]]
            own = recipes[number]
            others = [n for n in following if recipes[n].video_hash != own.video_hash] or following
            found[number] = next((n for n in others if recipes[n].answer != own.answer), others[0])
    return found


def blinded(sample: Sample) -> Sample:
    """The sample in grey; prompt, times and answer stay as they are."""
    clips = (clip.with_frames(torch.full_like(clip.frames, _GREY)) for clip in sample.clips)
    return replace(sample, clips=tuple(clips))


def with_frames_of(sample: Sample, other: Sample) -> Sample:
    """The sample with another's frames, at its own times and of its own size and number.

    Where the other has fewer clips they are shown again, and of more the first ones.
    """
    lent = [other.clips[number % len(other.clips)] for number in range(len(sample.clips))]
    clips = (
        Clip(_fitted(theirs, len(own), own.height, own.width), own.times)
        for own, theirs in zip(sample.clips, lent, strict=True)
    )
    return replace(sample, clips=tuple(clips))


def _fitted(clip: Clip, count: int, height: int, width: int) -> torch.Tensor:
    frames = clip.frames[torch.linspace(0, len(clip) - 1, count).round().long()]
    if (clip.height, clip.width) == (height, width):
        return frames
    return torch.nn.functional.interpolate(
        frames, size=(height, width), mode="bilinear", antialias=True
    )
