"""Difficulty that follows the rewards, in a training that can be resumed.

A data loader draws up questions some batches ahead of the step. So that the same rewards always give
the same questions, a batch takes the difficulty that was in force a fixed number of steps before it;
what was in force after each step is kept, and saved with the checkpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from videossr.schedules import History
from videossr_trainers.processes import gathered
from videossr_trainers.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from videossr.facades import Task
    from videossr_trainers.rollouts.rewards import TaskReward


def batches_ahead(loader_workers: int, parts: int) -> int:
    """How many generation batches a loader may have begun before the last step's rewards are known.

    Each worker holds two parts ready, and Accelerate looks one part ahead.

    Args:
        loader_workers: processes of the data loader.
        parts: in which a generation batch is asked for.
    """
    return 1 + 2 * loader_workers // parts


def follows_progress(task: Task) -> bool:
    """Whether the difficulty of a task's next question may depend on the share of the steps that are done.

    One that does not follow the rewards is in the recipes, and training leaves it as it is. One that does
    is adaptive, which reads no progress, or a hook's, which may read it itself or leave the matter to a
    schedule in the configuration that does.
    """
    if not task.follows_rewards:
        return False
    reads = task.hooks.takes("difficulty_schedule", "progress")
    return reads or task.difficulty.kind in {"linear", "stepped"}


class DifficultyTrail:
    """The difficulty of each task that follows the rewards, after every step so far.

    Args:
        tasks: of the run, by name.
        lag: steps between rewards and the batch that they bear on.
    """

    def __init__(self, tasks: Mapping[str, Task], lag: int) -> None:
        following = {name: task for name, task in tasks.items() if task.follows_rewards}
        self.history: Final = History(following)
        self.lag = lag
        self.tasks: Final = tuple(following)
        self._trail: list[dict[str, float]] = [self._present()]

    def _present(self) -> dict[str, float]:
        return {name: self.history.difficulty(name) for name in self.tasks}

    def at(self, task: str, batch: int) -> float | None:
        """The difficulty of a task's questions in a generation batch; None if it does not follow."""
        return self._trail[max(0, batch - self.lag)][task] if task in self.tasks else None

    def step(self, progress: float) -> dict[str, float]:
        """End a step: ask the schedules anew, and keep what they say."""
        self.history.follow(progress)
        self._trail.append(self._present())
        return self._trail[-1]

    def state(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {"history": self.history.state(), "trail": self._trail}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; `DatasetError` if it is that of other tasks."""
        self.history.restore(state["history"])
        self._trail = [dict(step) for step in state["trail"]]


class FollowRewards(Remembering):
    """Feeds the trail with the rewards of each step, and saves it with the checkpoints."""

    def __init__(self, trail: DifficultyTrail, rewards: TaskReward) -> None:
        self.trail = trail
        self.rewards = rewards

    def remembered(self) -> dict[str, Any]:
        """The trail."""
        return self.trail.state()

    def take_up(self, remembered: Mapping[str, Any]) -> None:
        """Go on with the trail."""
        self.trail.restore(remembered)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Take in the groups of all processes, which thereby go on with the same difficulty."""
        del args, control
        for task, difficulty, rewards in gathered(self.rewards.take_groups()):
            if task in self.trail.tasks:
                self.trail.history.record(task, difficulty, rewards)
        self.trail.step(state.global_step / max(1, state.max_steps))
