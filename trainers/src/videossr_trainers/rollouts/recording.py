"""What becomes of a step's rollouts: curves, files, and samples to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from transformers import TrainerCallback

from videossr_trainers.processes import gathered
from videossr_trainers.rollouts.curves import curves
from videossr_trainers.rollouts.sample_log import Shown, contact_sheet
from videossr_trainers.rollouts.stored import rollouts_of, write_rollouts
from videossr_trainers.rollouts.trackers import Trackers, log_below
from videossr_trainers.rollouts.waiting import DataWait

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

    from videossr.floors import Floors
    from videossr.sample import Sample
    from videossr_trainers.rollouts.groups import GradedGroup
    from videossr_trainers.rollouts.rewards import TaskReward


@dataclass(frozen=True, slots=True)
class Recording:
    """What is recorded of a run, and where.

    Attributes:
        run: the run's folder.
        store: whether all rollouts are kept.
        samples_every: steps between those of which samples are shown; 0 shows none. The first is shown
            besides, since a fault in what the model sees shows there.
        with_levels: tasks whose levels have curves of their own.
    """

    run: Path
    store: bool = True
    samples_every: int = 0
    with_levels: Collection[str] = ()

    def shows(self, step: int) -> bool:
        """Whether samples of a step are shown."""
        return bool(self.samples_every) and (step == 1 or step % self.samples_every == 0)


class RolloutRecorder(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """At the end of each step brings the rollouts of all processes together.

    So the curves are means over all questions, whichever process had them.

    Args:
        reward: what has graded them.
        floors: the blind floors of the tasks.
        recording: what to do with them.
        log: takes a metric's name and value.
        advantages: gives those of the step's completions, over all processes.
        trackers: what samples are sent to.
    """

    def __init__(
        self,
        reward: TaskReward,
        floors: Floors,
        recording: Recording,
        *,
        log: Callable[[str, float], None],
        advantages: Callable[[], Sequence[float]] = tuple,
        trackers: Trackers | None = None,
    ) -> None:
        self.reward = reward
        self.floors = floors
        self.recording = recording
        self.log = log
        self.advantages = advantages
        self.trackers = trackers

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Record the step that has just ended."""
        del args, control
        own, samples = self.reward.take_graded()
        groups = gathered(own)
        if not groups:
            return
        for name, figure in curves(groups, self.floors, self.recording.with_levels).items():
            self.log(name, figure)
        advantages = self._advantages(groups)
        step = state.global_step
        if self.recording.store and state.is_world_process_zero:
            write_rollouts(self.recording.run, rollouts_of(step, groups, advantages))
        if self.recording.shows(step):
            shown = self._shown(groups, samples, advantages)
            if state.is_world_process_zero:
                self._show(step, shown)

    def _advantages(self, groups: Sequence[GradedGroup]) -> list[float]:
        """One for each completion; none where what is at hand is that of other completions."""
        found = list(self.advantages())
        return found if len(found) == sum(len(group.completions) for group in groups) else []

    def _shown(
        self, groups: Sequence[GradedGroup], samples: Sequence[Sample], advantages: Sequence[float]
    ) -> dict[str, Shown]:
        """The first question of each task. The process that has its frames draws them."""
        first: dict[str, int] = {}
        for number, group in enumerate(groups):
            first.setdefault(group.recipe.task, number)
        begun = PartialState().process_index * len(samples)
        pictures = gathered(
            [
                (number, self._sheet(groups[number], samples[number - begun]))
                for number in first.values()
                if begun <= number < begun + len(samples)
            ]
        )
        return {
            groups[number].recipe.task: Shown(
                groups[number], picture, self._of_group(number, groups, advantages)
            )
            for number, picture in sorted(pictures)
        }

    def _sheet(self, group: GradedGroup, sample: Sample) -> bytes:
        return contact_sheet(self.reward.tasks[group.recipe.task], sample, group.recipe.context)

    def _of_group(
        self, number: int, groups: Sequence[GradedGroup], advantages: Sequence[float]
    ) -> tuple[float, ...]:
        n = len(groups[number].completions)
        return tuple(advantages[number * n : (number + 1) * n])

    def _show(self, step: int, shown: Mapping[str, Shown]) -> None:
        for one in shown.values():
            one.write(self.recording.run, step)
        if self.trackers:
            self.trackers.show(
                step,
                {task: one.image for task, one in shown.items()},
                {task: one.text for task, one in shown.items()},
                {task: one.table for task, one in shown.items()},
            )


def record(trainer: Trainer, reward: TaskReward, floors: Floors, recording: Recording) -> None:
    """Let a trainer record its rollouts, and how long it waits for data."""
    callbacks = trainer.callback_handler.callbacks
    log_below(recording.run, callbacks, lambda: trainer.state.global_step)

    def log(name: str, value: float) -> None:
        trainer._metrics["train"][name].append(value)  # noqa: SLF001 - what TRL logs next

    wait = DataWait(log)
    trainer.get_batch_samples = wait.around(trainer.get_batch_samples)
    trainer.add_callback(wait)
    recorder = RolloutRecorder(
        reward,
        floors,
        recording,
        log=log,
        advantages=lambda: trainer._logs["advantages"],  # noqa: SLF001 - the only place that has them
        trackers=Trackers(trainer.args.report_to, callbacks),
    )
    trainer.add_callback(recorder)
