"""What the numbers of a run say, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from videossr.floors import normalised
from videossr.intervals import Interval
from videossr_trainers.pages import signed
from videossr_trainers.report.data import BLIND, SIGHTED, WRONG_VIDEO, Run, Score

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videossr.intervals import Verdict

OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class Finding:
    """One task before and after training, or the mean over all of them.

    Args:
        task: its name.
        floor: what an answer that ignores the video earns.
        before: raw reward with its interval.
        after: the same of the trained model.
        gain: after minus before; its interval decides the verdict.
        blind: the trained model without a video, if it was asked.
        wrong_video: the trained model with another question's video, if it was asked.
        failures: shares of unparsable completions before and after.
        questions: how many.
    """

    task: str
    floor: float
    before: Interval
    after: Interval
    gain: Interval
    blind: Interval | None
    wrong_video: Interval | None
    failures: tuple[float, float]
    questions: int

    @property
    def verdict(self) -> Verdict:
        """What is shown of the gain."""
        return self.gain.verdict

    @property
    def normalised(self) -> tuple[float | None, float | None]:
        """Before and after as (raw - floor) / (1 - floor); None where the floor leaves no room."""
        before, after = (normalise(score.mean, self.floor) for score in (self.before, self.after))
        return before, after

    @property
    def change(self) -> str:
        """The verdict as a sentence."""
        return {
            "higher": "Improved.",
            "lower": "Fell.",
            "not shown": "No change shown.",
            "too few videos": "Too few videos to show a change.",
        }[self.verdict]

    @property
    def control(self) -> str:
        """Whether the trained model's reward comes from the video; empty if that was not asked."""
        control, name = (
            (self.wrong_video, "with the wrong one") if self.wrong_video else (self.blind, "blind")
        )
        if control is None:
            return ""
        shown = control.high is not None and self.after.shown_above(control.high)
        return f"{'Better' if shown else 'Not shown to do better'} with its video than {name}."


def normalise(reward: float, floor: float) -> float | None:
    """A raw reward with 0 at the floor and 1 at the top; None where the floor leaves no room."""
    return None if floor >= 1 else normalised(reward, floor)


def findings(run: Run) -> list[Finding]:
    """Of each task, in order."""
    return [_finding(run, task) for task in run.tasks]


def overall(run: Run, of_tasks: Sequence[Finding]) -> Finding:
    """The mean over tasks.

    The ends of its intervals are the means of theirs: as if all erred to the same side at once,
    which is wider than need be. A paired gain of the run's own takes its place.
    """
    before = _mean(finding.before for finding in of_tasks)
    after = _mean(finding.after for finding in of_tasks)
    return Finding(
        task=OVERALL,
        floor=fmean(finding.floor for finding in of_tasks),
        before=before,
        after=after,
        gain=run.gains.get(OVERALL) or _mean(finding.gain for finding in of_tasks),
        blind=_mean_of_all([finding.blind for finding in of_tasks]),
        wrong_video=_mean_of_all([finding.wrong_video for finding in of_tasks]),
        failures=(
            fmean(finding.failures[0] for finding in of_tasks),
            fmean(finding.failures[1] for finding in of_tasks),
        ),
        questions=sum(finding.questions for finding in of_tasks),
    )


def headline(of_tasks: Sequence[Finding]) -> str:
    """One sentence: on which tasks the reward rose, on which it fell, where neither is shown."""
    groups: dict[Verdict, list[Finding]] = {
        "higher": [],
        "lower": [],
        "not shown": [],
        "too few videos": [],
    }
    for finding in of_tasks:
        groups[finding.verdict].append(finding)
    count = f"{len(groups['higher'])} of {len(of_tasks)} task{'s' * (len(of_tasks) != 1)}"
    rose = f"The reward rose on {count}, with a 95 % interval above zero"
    parts = [
        f"{rose}: {_listed(groups['higher'])}"
        if groups["higher"]
        else f"On none of {len(of_tasks)} task{'s' * (len(of_tasks) != 1)} is the reward shown to have risen"
    ]
    if groups["lower"]:
        parts.append(f"it fell on {_listed(groups['lower'])}")
    if groups["not shown"]:
        parts.append(f"no change is shown for {_listed(groups['not shown'])}")
    if groups["too few videos"]:
        named = _listed(groups["too few videos"])
        parts.append(f"there are too few videos to show a change on {named}")
    return "; ".join(parts) + "."


def _finding(run: Run, task: str) -> Finding:
    before, after = run.before.scores[task], run.after.scores[task]
    first, last = before[SIGHTED].reward, after[SIGHTED].reward
    return Finding(
        task=task,
        floor=run.floors[task],
        before=first,
        after=last,
        gain=run.gains.get(task) or _bounds(first, last),
        blind=_reward(after.get(BLIND)),
        wrong_video=_reward(after.get(WRONG_VIDEO)),
        failures=(before[SIGHTED].parse_failures, after[SIGHTED].parse_failures),
        questions=after[SIGHTED].questions,
    )


def _bounds(first: Interval, last: Interval) -> Interval:
    """Last minus first where they are not known to be paired: no wider interval is possible."""
    videos = min(first.videos, last.videos)
    if first.ends is None or last.ends is None:
        return Interval(last.mean - first.mean, None, None, videos)
    (first_low, first_high), (last_low, last_high) = first.ends, last.ends
    return Interval(last.mean - first.mean, last_low - first_high, last_high - first_low, videos)


def _reward(score: Score | None) -> Interval | None:
    return None if score is None else score.reward


def _mean(intervals: Iterable[Interval]) -> Interval:
    """The mean, with an interval where each of them has one."""
    some = list(intervals)
    mean, videos = fmean(one.mean for one in some), min(one.videos for one in some)
    ends = [one.ends for one in some if one.ends]
    if len(ends) < len(some):
        return Interval(mean, None, None, videos)
    return Interval(mean, fmean(low for low, _ in ends), fmean(high for _, high in ends), videos)


def _mean_of_all(intervals: Sequence[Interval | None]) -> Interval | None:
    """The mean, or None where one is missing: a mean over fewer tasks would not compare."""
    present = [interval for interval in intervals if interval is not None]
    return _mean(present) if len(present) == len(intervals) else None


def _listed(of_tasks: Sequence[Finding]) -> str:
    named = [
        f"{finding.task} ({signed(finding.gain.mean)}"
        + (" [{}, {}])".format(*map(signed, ends)) if (ends := finding.gain.ends) else ")")
        for finding in of_tasks
    ]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
