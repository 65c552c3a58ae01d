"""The answers to one question, and the figures of many questions."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.floors import normalised
from videossr.intervals import Interval, interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr_trainers.diagnosis.source import Posed
    from videossr_trainers.downstream.reading import Plain
    from videossr_trainers.downstream.truth import Grade

#: An answer worth less than this is far from the label, not merely imprecise.
FAR: Final = 0.5

#: Rewards that differ by less are alike: their difference is rounding.
_ALIKE: Final = 1e-6

#: An answer is a habit if it makes up such a share of all, and so much more than the most frequent
#: right one.
_USUAL: Final = 0.5
_UNDUE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Group:
    """The answers to one question.

    Attributes:
        question: what was asked.
        grades: one for each answer, at least two.
        right_from: from which value on an answer counts as right; what a strict reward gives 1.
        cut_off: answers that took up all the tokens that they might.
    """

    question: Posed
    grades: tuple[Grade, ...]
    right_from: float = 1.0
    cut_off: int = 0

    @property
    def right(self) -> int:
        """How many answers are right."""
        return sum(one.value >= self.right_from for one in self.grades)

    @property
    def reward(self) -> float:
        """The mean smooth reward."""
        return fmean(one.value for one in self.grades)

    @property
    def flat(self) -> bool:
        """Whether all answers earn alike under the smooth reward, so that GRPO learns nothing."""
        values = [one.value for one in self.grades]
        return max(values) - min(values) < _ALIKE

    @property
    def strictly_flat(self) -> bool:
        """The same under a strict reward, that of right or wrong."""
        return self.right in {0, len(self.grades)}

    @property
    def unanimous(self) -> str | None:
        """The one answer that all agree on and that is far from the label; None if there is none."""
        texts = {one.said for one in self.grades}
        wrong = all(one.parsed and one.value < min(FAR, self.right_from) for one in self.grades)
        return texts.pop() if wrong and len(texts) == 1 else None


@dataclass(frozen=True)
class Slice:
    """The figures of some questions, each with as many answers; at least one.

    Attributes:
        task: that the questions are of.
        by: what they have in common beside the task, such as `level`; empty for all of the task.
        value: which value of it.
        groups: the answers.
    """

    task: str
    by: str
    value: Plain
    groups: Sequence[Group]

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.task}, {self.by} {self.value}" if self.by else self.task

    @cached_property
    def answers(self) -> int:
        """To each question."""
        return len(self.groups[0].grades)

    @cached_property
    def histogram(self) -> list[int]:
        """How many questions have 0, 1, ..., N right answers."""
        counted = Counter(group.right for group in self.groups)
        return [counted[right] for right in range(self.answers + 1)]

    @cached_property
    def none_right(self) -> float:
        """The share of questions none of whose answers is right."""
        return self.histogram[0] / len(self.groups)

    @cached_property
    def all_right(self) -> float:
        """The share of questions all of whose answers are right."""
        return self.histogram[-1] / len(self.groups)

    @cached_property
    def expected_ends(self) -> float:
        """The share at the two ends if every question were equally hard: p^N + (1 - p)^N."""
        share = fmean(group.right / self.answers for group in self.groups)
        return math.pow(share, self.answers) + math.pow(1 - share, self.answers)

    @cached_property
    def flat(self) -> float:
        """The share of questions whose answers all earn alike under the smooth reward."""
        return fmean(group.flat for group in self.groups)

    @cached_property
    def strictly_flat(self) -> float:
        """The same under the strict reward."""
        return fmean(group.strictly_flat for group in self.groups)

    @cached_property
    def reward(self) -> Interval:
        """The mean smooth reward, resampled by video."""
        rewards = [group.reward for group in self.groups]
        return interval(rewards, [group.question.video for group in self.groups])

    @cached_property
    def strict_reward(self) -> Interval:
        """The mean strict reward: the share of right answers."""
        rewards = [group.right / self.answers for group in self.groups]
        return interval(rewards, [group.question.video for group in self.groups])

    @cached_property
    def floor(self) -> float | None:
        """The mean blind floor; None where it is not known."""
        floors = [group.question.floor for group in self.groups]
        known = [floor for floor in floors if floor is not None]
        return fmean(known) if len(known) == len(floors) else None

    @cached_property
    def normalised(self) -> float | None:
        """The mean reward with the floor at 0 and a perfect answer at 1."""
        return None if self.floor is None else normalised(self.reward.mean, self.floor)

    @cached_property
    def unread(self) -> float:
        """The share of answers without the form of one."""
        return fmean(not one.parsed for group in self.groups for one in group.grades)

    @cached_property
    def cut_off(self) -> float:
        """The share of answers that took up all the tokens that they might."""
        return sum(group.cut_off for group in self.groups) / (self.answers * len(self.groups))

    @cached_property
    def favourite(self) -> tuple[str, float]:
        """The most frequent answer, and its share of all."""
        said = Counter(one.said for group in self.groups for one in group.grades if one.parsed)
        if not said:
            return "", 0.0
        ((text, count),) = said.most_common(1)
        return text, count / (self.answers * len(self.groups))

    @cached_property
    def habit(self) -> str | None:
        """The answer that the model gives whatever it is shown; None if there is none.

        One that is frequent because it is often right is no habit: of two options, each is.
        """
        usual, share = self.favourite
        right = Counter(group.question.answer for group in self.groups)
        most = max(right.values()) / len(self.groups)
        return usual if share >= _USUAL and share - most >= _UNDUE else None

    @cached_property
    def suspects(self) -> list[Group]:
        """Questions on which all answers agree, far from the label: the label may be what is wrong.

        Not where they agree on what the model says most of the time anyway.
        """
        return [
            group
            for group in self.groups
            if (said := group.unanimous) is not None and said != self.habit
        ]
