"""How hard the next question is to be: constant, linear, stepped, or following the rewards."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveInt,
    model_validator,
)

from videossr.errors import DatasetError
from videossr.json_schema import Shorthand
from videossr.levels import LEVELS, Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.facades import Task

#: Groups of answers that a task's history holds on to.
REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Group:
    """The answers to one question, as far as a schedule needs to know them.

    Attributes:
        difficulty: that of the question.
        reward: mean of the answers' rewards, in [0, 1].
        informative: whether the rewards differ; where they are all alike, GRPO learns nothing.
    """

    difficulty: float
    reward: float
    informative: bool

    @classmethod
    def of(cls, difficulty: float, rewards: Sequence[float]) -> Self:
        """The group with these rewards."""
        return cls(difficulty, fmean(rewards), len(set(rewards)) > 1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What training has seen of one task.

    Attributes:
        difficulty: the one that is asked now.
        groups: those seen since it last changed, the newest last, at most `REMEMBERED`. Questions
            that were under way at the change are among them, at the difficulty that they had.
    """

    difficulty: float
    groups: tuple[Group, ...] = ()


class _Schedule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Constant(_Schedule):
    """The same throughout."""

    kind: Literal["constant"] = "constant"
    at: Annotated[Level, Field(description="difficulty of every question")] = LEVELS["train"]

    def difficulty(self, progress: float, seen: Seen | None = None) -> float:
        """The one difficulty."""
        del progress, seen
        return self.at


class Linear(_Schedule):
    """From one difficulty to another in a straight line."""

    kind: Literal["linear"] = "linear"
    start: Annotated[Level, Field(description="difficulty of the first question")] = LEVELS["easy"]
    stop: Annotated[Level, Field(description="difficulty that is reached, and kept")] = LEVELS[
        "hard"
    ]
    until: Annotated[
        float, Field(gt=0, le=1, description="share of the questions after which it is reached")
    ] = 1.0

    def difficulty(self, progress: float, seen: Seen | None = None) -> float:
        """The difficulty after a share of the questions."""
        del seen
        share = min(1.0, progress / self.until)
        low, high = sorted((self.start, self.stop))
        # rounding must not carry it past either end
        return min(high, max(low, self.start + (self.stop - self.start) * share))


class Stepped(_Schedule):
    """One difficulty after the other."""

    kind: Literal["stepped"] = "stepped"
    levels: Annotated[
        tuple[Level, ...], Field(min_length=1, description="the difficulties, in order")
    ] = tuple(LEVELS.values())
    at: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None,
        Field(
            description="shares of the questions after which the next one begins, one fewer than "
            "levels; null for equal parts"
        ),
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at is None:
            return self
        if len(self.at) != len(self.levels) - 1:
            raise ValueError(
                f"at has {len(self.at)} shares for {len(self.levels)} levels; must have one fewer "
                "than levels"
            )
        if any(late <= early for early, late in pairwise(self.at)):
            raise ValueError(f"at is {list(self.at)}; must rise")
        return self

    def difficulty(self, progress: float, seen: Seen | None = None) -> float:
        """The difficulty after a share of the questions."""
        del seen
        if self.at is None:
            return self.levels[min(int(progress * len(self.levels)), len(self.levels) - 1)]
        return self.levels[sum(share <= progress for share in self.at)]


class Adaptive(_Schedule):
    """As hard as keeps the share of informative groups within a band.

    A group is informative if its answers' rewards differ. When too few of the last `window` groups
    are, the questions get easier where the uninformative ones earned less than half, and harder
    where they earned more; when too many are, they get harder. Then it waits for `window` groups at
    the new difficulty. Before training, and in a build, it is `start`.
    """

    kind: Literal["adaptive"] = "adaptive"
    start: Annotated[Level, Field(description="difficulty until there are rewards")] = LEVELS[
        "train"
    ]
    least: Annotated[Level, Field(description="easiest that it gets")] = LEVELS["easy"]
    most: Annotated[Level, Field(description="hardest that it gets")] = LEVELS["hard"]
    target: Annotated[
        tuple[
            Annotated[float, Field(ge=0, le=1)],
            Annotated[float, Field(ge=0, le=1)],
        ],
        Field(description="the band: least and greatest share of informative groups"),
    ] = (0.6, 0.95)
    window: Annotated[
        PositiveInt, Field(le=REMEMBERED, description="groups that a decision rests on")
    ] = 64
    step: Annotated[float, Field(gt=0, le=1, description="by how much the difficulty changes")] = (
        0.05
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.least <= self.start <= self.most:
            raise ValueError(
                f"least {self.least:g}, start {self.start:g}, most {self.most:g}; must not fall"
            )
        if self.target[0] > self.target[1]:
            raise ValueError(f"target is {list(self.target)}; must not fall")
        return self

    def difficulty(self, progress: float, seen: Seen | None = None) -> float:
        """The difficulty in the light of the rewards."""
        del progress
        if seen is None:
            return self.start
        # Questions drawn up before the last change say nothing about the present difficulty.
        asked = [group for group in seen.groups if group.difficulty == seen.difficulty]
        if len(asked) < self.window:
            return seen.difficulty
        recent = asked[-self.window :]
        share = fmean(group.informative for group in recent)
        if self.target[0] <= share <= self.target[1]:
            return seen.difficulty
        alike = [group.reward for group in recent if not group.informative]
        harder = share > self.target[1] or fmean(alike) >= 0.5  # noqa: PLR2004 - the middle of rewards
        moved = seen.difficulty + (self.step if harder else -self.step)
        # rounded, so that a way up and down again ends where it began
        return min(self.most, max(self.least, round(moved, 6)))


Schedule = Constant | Linear | Stepped | Adaptive


def _from_shorthand(value: object) -> object:
    """A number or a level's name stands for a constant."""
    if isinstance(value, dict) and "kind" not in value:
        raise ValueError("has no kind; kinds are constant, linear, stepped, adaptive")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    level = LEVELS.get(value) if isinstance(value, str) else value
    if level is None:
        raise ValueError(f"no level has this name; levels are {', '.join(LEVELS)}")
    if not 0 <= level <= 1:
        raise ValueError("must be from 0 to 1")
    return {"kind": "constant", "at": level}


#: A schedule as a field of a configuration.
ScheduleField = Annotated[
    Annotated[Schedule, Discriminator("kind")],
    BeforeValidator(_from_shorthand),
    Shorthand({"type": "number", "minimum": 0, "maximum": 1}),
    Shorthand({"enum": list(LEVELS)}),
]


def written(schedule: Schedule) -> Any:  # noqa: ANN401 - a number or a mapping
    """A schedule as it is written in YAML: a constant as its number."""
    if isinstance(schedule, Constant):
        return schedule.at
    return schedule.model_dump(mode="json")


class History:
    """What training sees of each task, and the difficulty that follows from it.

    It depends on the rewards alone: the same rewards in the same order give the same difficulties.

    Args:
        tasks: by name.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = dict(tasks)
        self._difficulty = {name: task.schedule(0.0) for name, task in tasks.items()}
        self._groups: dict[str, deque[Group]] = {name: deque(maxlen=REMEMBERED) for name in tasks}

    def difficulty(self, task: str) -> float:
        """The difficulty of a task's next question."""
        return self._difficulty[task]

    def record(self, task: str, difficulty: float, rewards: Sequence[float]) -> None:
        """Take in the rewards of the answers to one question, asked at that difficulty."""
        self._groups[task].append(Group.of(difficulty, rewards))

    def follow(self, progress: float) -> None:
        """Ask every task's schedule anew, after `progress` of the training, in [0, 1]."""
        for name, task in self._tasks.items():
            seen = Seen(self._difficulty[name], tuple(self._groups[name]))
            changed = task.schedule(progress, seen)
            if changed != seen.difficulty:
                self._difficulty[name] = changed
                self._groups[name].clear()

    def state(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            name: {
                "difficulty": self._difficulty[name],
                "groups": [[g.difficulty, g.reward, g.informative] for g in self._groups[name]],
            }
            for name in self._tasks
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            DatasetError: it is that of other tasks.
        """
        if state.keys() != self._tasks.keys():
            raise DatasetError(
                f"the saved difficulty is of the tasks {', '.join(state) or 'none'}; "
                f"this run has {', '.join(self._tasks)}"
            )
        for name, saved in state.items():
            self._difficulty[name] = float(saved["difficulty"])
            self._groups[name] = deque(
                (Group(float(d), float(r), bool(i)) for d, r, i in saved["groups"]),
                maxlen=REMEMBERED,
            )
