"""Checks of tasks: how samples are made."""

from __future__ import annotations

import re
from itertools import chain, groupby, pairwise
from typing import TYPE_CHECKING, Final

from videossr.errors import PluginError, Unsuitable
from videossr.levels import LEVELS
from videossr.marks import misplaced
from videossr.ramp import Ramp
from videossr.schedules import Group, Seen
from videossr.testing.check import BrokenRule, Check, Hopeless
from videossr.testing.clips import CLIPS, IN_WORDS, textured
from videossr.testing.digests import digests_elsewhere, digests_of
from videossr.testing.subject import Draw, outcome

if TYPE_CHECKING:
    from videossr.testing.subject import Asked, Subject

#: How much more guessing may earn on harder samples: twice the deviation that few draws bring along.
_CHANCE: Final = 0.1

#: Samples of each level whose marks are looked at.
_MARKED: Final = 8

_NUMBER: Final = re.compile(r"[0-9]+(?:\.([0-9]+))?")


def source_untouched(subject: Subject) -> str:
    """`make_sample` leaves the clip as it was, frames and times, even where torch would not notice."""
    for seed, difficulty in enumerate(LEVELS.values()):
        draw = Draw(seed % CLIPS, difficulty, seed)
        clip, untouched, fault = textured(draw.clip), textured(draw.clip), ""
        try:
            subject.sample(draw, clip=clip)
        except Unsuitable:
            pass
        except PluginError as error:
            fault = str(error)
        if clip != untouched:
            wrote = "its times" if clip.frames.equal(untouched.frames) else "its frames"
            broken = Hopeless if fault else BrokenRule
            raise broken(f"on {draw} it wrote to the clip, {wrote}; must work on a copy")
    return ""


def every_level_generates(subject: Subject) -> str:
    """There are samples at easy, train and hard, made without an error."""
    survey = subject.survey
    problems = list(survey.faults)
    for level in (level for level in LEVELS if level not in survey.asked):
        reasons = ", ".join(f"{why} ({often} x)" for why, often in survey.refused[level].items())
        if reasons:
            problems.append(f"at {level} every clip is unsuitable: {reasons}; there are {IN_WORDS}")
    if not problems:
        return ""
    right = "make samples of such clips at every level, with settings in `example` if need be"
    raise (BrokenRule if survey.asked else Hopeless)(f"{'; '.join(problems)}; {right}")


def same_seed_same_sample(subject: Subject) -> str:
    """The same clip, settings, difficulty and seed make the same sample, to the bit."""
    for draw in _draws():
        first, second = outcome(subject.task, draw), outcome(subject.task, draw)
        if first != second:
            right = "must draw from `rng` alone and keep nothing between calls"
            raise BrokenRule(f"on {draw} a second call made another sample; {right}")
    return ""


def same_sample_in_another_process(subject: Subject) -> str:
    """Another process makes the same samples."""
    if digests_of(subject) != digests_elsewhere(subject):
        right = "must not depend on hash(), the order of a set, the time or the environment"
        raise BrokenRule(f"another process made other samples; {right}")
    return ""


def different_seeds_differ(subject: Subject) -> str:
    """At every level, seeds make different samples of one clip."""
    for level, asked in subject.survey.asked.items():
        by_clip = _by_clip(asked)
        if all(len({(one.shown, one.answer) for one in alike}) == 1 for alike in by_clip):
            most = max(map(len, by_clip))
            right = "must draw from `rng` what is asked"
            raise BrokenRule(f"at {level} {most} seeds made one sample of a clip; {right}")
    return ""


def change_is_visible(subject: Subject) -> str:
    """Two samples of one clip with different answers show different pixels, times or questions."""
    shown: dict[str, Asked] = {}
    for asked in subject.survey.every:
        other = shown.setdefault(asked.shown, asked)
        if other.answer != asked.answer:
            answers = (
                f"{other.answer!r} (seed {other.draw.seed}) and {asked.answer!r} ({asked.draw})"
            )
            right = "the answer must be there to be seen"
            raise BrokenRule(f"what is shown is the same for the answers {answers}; {right}")
    return ""


def answer_times_are_frame_times(subject: Subject) -> str:
    """Every time that an answer states, as `answer_times` reads it, is one of a frame shown, rounded."""
    if not hasattr(subject.plugin, "answer_times"):
        return "has no `answer_times`: states no times"
    for asked in subject.survey.every:
        for time in subject.offered("answer_times", asked.answer):
            half = 0.5 * 10 ** -_decimals(time, asked.answer) + 1e-9
            nearest = min(asked.times, key=lambda shown, time=time: abs(shown - time))  # type: ignore[misc]
            if not abs(nearest - time) <= half:
                right = (
                    f"the nearest frame is at {nearest:g} s; must be a frame's own time, rounded"
                )
                raise BrokenRule(
                    f"answer {asked.answer!r} on {asked.draw} says {time:g} s; {right}"
                )
    return ""


def marks_lie_in_the_clips(subject: Subject) -> str:
    """What `marks` says of a sample lies on frames, and on pixels, that its clips have."""
    if not hasattr(subject.plugin, "marks"):
        return "has no `marks`: shows nothing but clips, question and answer"
    for asked in chain.from_iterable(few[:_MARKED] for few in subject.survey.asked.values()):
        sample = subject.sample(asked.draw)
        marks = subject.offered("marks", sample)
        if not isinstance(marks, list | tuple):
            raise BrokenRule(f"marks returned {marks!r}; must be a list of Marks")
        if problem := misplaced(marks, sample):
            raise BrokenRule(f"on {asked.draw} marks {problem}; must lie in the clips")
    return ""


def harder_is_harder(subject: Subject) -> str:
    """Harder samples are others, and guessing without the pixels earns no more on them.

    A tenth is allowed for chance. A task that does not take `difficulty` must have no `Ramp` in its
    Config. One that does, and whose Ramps the example holds flat, may make the same samples throughout.
    """
    ramps = {name: value for name, value in subject.config if isinstance(value, Ramp)}
    if not subject.task.hooks.takes("make_sample", "difficulty"):
        if ramps:
            problem = f"{', '.join(ramps)} follows the difficulty, which make_sample does not take"
            raise BrokenRule(f"{problem}; must take `difficulty`, or be a plain number")
        return "does not follow the difficulty"
    survey = subject.survey
    by_level = [
        {(one.draw.clip, one.draw.seed): (one.shown, one.answer) for one in asked}
        for asked in survey.asked.values()
    ]
    both = by_level[0].keys() & by_level[-1].keys()
    # Levels that share no draw, since the task refuses other clips at each, say nothing.
    if both and len(by_level) > 1 and all(by_level[0][d] == by_level[-1][d] for d in both):
        if ramps and all(ramp.least == ramp.greatest for ramp in ramps.values()):
            return "no setting of the example follows the difficulty"
        least, *_, greatest = survey.asked
        right = "something that is shown must follow `difficulty`, or make_sample not take it"
        raise BrokenRule(f"samples at {least} and {greatest} are the same; {right}")
    floors = subject.floors
    for (easier, low), (harder, high) in pairwise(floors.items()):
        if high > low + _CHANCE:
            right = "what is harder must not be easier to guess"
            raise BrokenRule(
                f"the best blind answer earns {low:.3f} at {easier} and {high:.3f} at {harder}; {right}"
            )
    if unmeasured := [level for level in survey.asked if level not in floors]:
        return f"guessing is not measured at {', '.join(unmeasured)}, where noise is refused"
    return ""


def schedule_in_range(subject: Subject) -> str:
    """`difficulty_schedule`, where there is one, gives the same number in [0, 1] for the same arguments."""
    task = subject.task
    if not task.hooks.implements("difficulty_schedule"):
        return "has no schedule of its own"
    informative = tuple(Group(0.5, reward, reward > 0) for reward in (0.0, 0.3, 0.9)) * 100
    for seen in (None, Seen(0.5), Seen(0.5, informative)):
        for step in range(101):
            progress = min(step / 100, 0.999)
            if task.schedule(progress, seen) != task.schedule(progress, seen):
                right = "must keep nothing between calls"
                raise BrokenRule(f"at progress {progress:g} two calls differ; {right}")
    return ""


MAKING: Final = (
    Check.of(source_untouched, gate=True),
    Check.of(every_level_generates, gate=True),
    Check.of(same_seed_same_sample),
    Check.of(same_sample_in_another_process),
    Check.of(different_seeds_differ),
    Check.of(change_is_visible),
    Check.of(answer_times_are_frame_times),
    Check.of(marks_lie_in_the_clips),
    Check.of(harder_is_harder),
    Check.of(schedule_in_range),
)


def _decimals(time: float, answer: str) -> int:
    """How many an answer gives of a time: those of the number itself, or the most where none is it."""
    written = {number[0]: len(number[1] or "") for number in _NUMBER.finditer(answer)}
    own = [decimals for number, decimals in written.items() if float(number) == time]
    return min(own) if own else max(written.values(), default=0)


def _draws() -> list[Draw]:
    return [
        Draw(seed % CLIPS, difficulty, 2000 + seed)
        for seed in range(2 * CLIPS)
        for difficulty in LEVELS.values()
    ]


def _by_clip(asked: tuple[Asked, ...]) -> list[list[Asked]]:
    def clip(one: Asked) -> int:
        return one.draw.clip

    return [list(alike) for _, alike in groupby(sorted(asked, key=clip), key=clip)]
