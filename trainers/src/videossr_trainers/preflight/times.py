"""Are the seconds that the prompt states those at which the frames are shown?

A chain of three links, each compared on its own: the times in the file, those of the decoded clip,
those of the clips that the task shows, those written in the prompt. A task may move a clip in time, as
one that cuts a video to pieces does, and may leave frames out, so between the second and the third
differences are compared, not times.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from videossr.finding import Finding, worst
from videossr.video.decoding import timeline_of
from videossr.video.sampling import frames_on_screen, target_times
from videossr.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr import Clip
    from videossr_trainers.engine.encoding import EncodedPrompt
    from videossr_trainers.preflight.subject import Asked, Subject

#: Seconds by which two times may differ that ought to be one.
_SAME_S: Final = 1e-3

#: The prompt states tenths of a second.
_ROUNDED_S: Final = 0.05 + 1e-6

_STATED: Final = re.compile(r"<(\d+(?:\.\d+)?) seconds><\|vision_start\|>")

#: Rates that are often taken for granted; 24 is what Qwen3-VL's processor assumes where it is told none.
_USUAL: Final = (24.0, 25.0, 30.0)

_MEANING: Final = "the model reads time from the prompt, and is asked and graded in seconds"


def times(subject: Subject) -> Finding:
    """The seconds stated in the prompts are the presentation times of the frames."""
    found = [
        _of_question(asked, prompt, subject)
        for asked, prompt in zip(subject.asked, subject.prompts, strict=True)
    ]
    bad = worst(*found)
    if bad.state != "ok":
        return bad
    clips = sum(len(asked.sample.clips) for asked in subject.asked)
    return Finding(
        "times",
        "ok",
        f"{counted(clips, 'clip')} of {counted(len(found), 'question')}: the seconds in the prompt are "
        "those of the file, to the tenth",
        _MEANING,
    )


def _of_question(asked: Asked, prompt: EncodedPrompt, subject: Subject) -> Finding:
    where = asked.recipe.name
    recipe = asked.recipe
    shown = timeline_of(subject.renderer.root / recipe.video).times
    wanted = frames_on_screen(shown, target_times(recipe.start, recipe.stop, recipe.num_frames))
    in_file = shown[wanted][: len(asked.clip)]
    decoded = asked.clip.times.numpy()
    if len(in_file) != len(decoded) or np.abs(in_file - decoded).max() > _SAME_S:
        return Finding(
            "times",
            "fault",
            f"{where}: {contrast(decoded, in_file, 'the decoder')}",
            _MEANING,
            "the decoder or the store of clips gives wrong times: try another video.decoder, and "
            "without store.folder",
        )
    stated = [float(text) for text in _STATED.findall(_text(prompt, subject))]
    pair = int(subject.processor.video_processor.temporal_patch_size)
    right = [time for clip in asked.sample.clips for time in pair_times(clip, pair)]
    if len(stated) != len(right) or np.abs(np.subtract(stated, right)).max() > _ROUNDED_S:
        return Finding(
            "times",
            "fault",
            f"{where}: {_first_wrong_clip(asked, stated, pair)}",
            _MEANING,
            "whatever writes the prompt must be told the frames' own times, not a rate",
        )
    own = [number for number, clip in enumerate(asked.sample.clips) if not _is_part(clip, decoded)]
    if own:
        clip = asked.sample.clips[own[0]]
        likeness = contrast(clip.times.numpy(), decoded, "the task", scale_only=True)
        return Finding(
            "times",
            "warning",
            f"{where}: clip {own[0] + 1} has times of its own, which are no part of the video's: "
            f"{likeness}",
            "a task may play frames at other times; where it does not mean to, its answers in "
            "seconds are wrong",
            f"see whether the task {recipe.task!r} means to change times",
        )
    return Finding("times", "ok", where)


def _text(prompt: EncodedPrompt, subject: Subject) -> str:
    text: str = subject.processor.tokenizer.decode(prompt.input_ids)
    return text


def pair_times(clip: Clip, pair: int) -> list[float]:
    """When each group of frames that becomes one is shown: the mean of its first and last time."""
    times = clip.times.tolist()
    groups = [times[i : i + pair] for i in range(0, len(times), pair)]
    # A last group that is not full is filled up with its last frame.
    return [(group[0] + group[-1]) / 2 for group in groups]


def _is_part(clip: Clip, decoded: np.ndarray) -> bool:
    """Whether a clip's times, moved, are some of the decoded ones."""
    since_first = clip.times.numpy() - float(clip.times[0])
    for first in decoded:
        moved = since_first + first
        nearest = np.abs(decoded[None, :] - moved[:, None]).min(1)
        if nearest.max() <= _SAME_S:
            return True
    return False


def _first_wrong_clip(asked: Asked, stated: list[float], pair: int) -> str:
    rights = [pair_times(clip, pair) for clip in asked.sample.clips]
    if len(stated) != sum(map(len, rights)):
        return (
            f"the prompt states {len(stated)} times for {sum(map(len, rights))} groups of frames "
            f"({_listed(stated)}); each needs one of its own"
        )
    for number, right in enumerate(rights):
        said, stated = stated[: len(right)], stated[len(right) :]
        if np.abs(np.subtract(said, right)).max() > _ROUNDED_S:
            which = f"clip {number + 1} of {len(rights)}: " if len(rights) > 1 else ""
            frames = len(asked.sample.clips[number]) / len(right)
            return which + contrast(said, right, "the prompt", frames=frames)
    raise AssertionError("no clip is wrong")  # the caller has seen one


def contrast(
    said: Sequence[float] | np.ndarray,
    shown: Sequence[float] | np.ndarray,
    who: str,
    *,
    frames: float = 1.0,
    scale_only: bool = False,
) -> str:
    """How the times that somebody says differ from those at which frames are shown, in words.

    Args:
        said, shown: seconds, as many of each unless `scale_only`.
        who: says them.
        frames: that each time stands for.
        scale_only: `said` may be of other frames than `shown`, so that only rates can be compared.
    """
    said, shown = np.asarray(said, float), np.asarray(shown, float)
    text = f"{who} says {_listed(said)} s; the frames are shown at {_listed(shown)} s"
    if min(len(said), len(shown)) < 2:  # noqa: PLR2004 - one time has no rate
        return text
    # By least squares, since single times are rounded.
    steps = [float(np.polyfit(np.arange(len(some)), some, 1)[0]) for some in (said, shown)]
    if min(steps) <= _SAME_S:
        return f"{text}: time stands still"
    rates = [_usual(said, frames) or frames / steps[0], frames / steps[1]]
    factor = rates[0] / rates[1]
    if not scale_only:
        rate, offset = np.polyfit(shown, said, 1)
        if np.abs(rate * shown + offset - said).max() > 2 * _ROUNDED_S:
            return f"{text}: other times, by no one factor"
    if abs(factor - 1) > 0.02:  # noqa: PLR2004 - what rounding to tenths may do
        how = f"{factor:.1f} times too slow" if factor > 1 else f"{1 / factor:.1f} times too fast"
        return (
            f"{text}: {how}, as if the video had {_figure(rates[0])} frames a second rather than "
            f"{_figure(rates[1])}"
        )
    late = float(np.mean(said) - np.mean(shown))
    if scale_only:
        return f"{text}: at the same rate, and some at other times"
    return f"{text}: {abs(late):.1f} s too {'late' if late > 0 else 'early'}"


def _usual(said: np.ndarray, frames: float) -> float | None:
    """The usual rate that some times could be rounded from; None if they could from none."""
    number = np.arange(len(said)) * frames
    for rate in _USUAL:
        apart = said - number / rate
        if np.ptp(apart) <= 2 * _ROUNDED_S:
            return rate
    return None


def _listed(some: Sequence[float] | np.ndarray) -> str:
    first = ", ".join(f"{time:.1f}" for time in some[:3])
    return f"{first}, ..." if len(some) > 3 else first or "nothing"  # noqa: PLR2004


def _figure(rate: float) -> str:
    return f"{rate:.1f}".removesuffix(".0")
