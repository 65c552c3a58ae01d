"""The reward that TRL calls: each completion goes to its own task, and the curves are kept by task."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from videossr.floors import normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from videossr.facades import Score, Task
    from videossr.floors import Floors


class TaskReward:
    """Grades completions of mixed tasks.

    Metrics, by task: `difficulty/T` of the questions asked, `reward/T` the mean, `floor/T` their blind
    floor, `normalised/T` the reward with the floor at 0 and a perfect answer at 1, `substituted/T` the
    share of questions that stood in for one that could not be made, `parse_failures/T` the share of answers without the form of one, and
    `zero_variance/T` the share of groups whose answers all score alike and so teach nothing.

    Args:
        tasks: by name.
        floors: the blind floors of the tasks.
        num_generations: answers of a group, which stand in succession.
        measurements: figures of modifiers, logged at each call.
    """

    __name__ = "task_reward"

    def __init__(
        self,
        tasks: Mapping[str, Task],
        floors: Floors,
        num_generations: int,
        *,
        measurements: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self.tasks = tasks
        self.floors = floors
        self.num_generations = num_generations
        self.measurements = measurements
        self._groups: list[tuple[str, float, list[float]]] = []

    def take_groups(self) -> list[tuple[str, float, list[float]]]:
        """Task, difficulty and rewards of the groups graded since the last time, and forget them."""
        groups, self._groups = self._groups, []
        return groups

    def __call__(
        self,
        *,
        completions: Sequence[Sequence[Mapping[str, str]]],
        task: Sequence[str],
        answer: Sequence[str],
        target: Sequence[Mapping[str, Any]],
        difficulty: Sequence[float],
        context: Sequence[str],
        substituted: Sequence[bool],
        log_metric: Callable[[str, float], None],
        **_: object,
    ) -> list[float]:
        """Rewards in [0, 1], one for each completion."""
        scores = [
            self.tasks[name].score(completion[-1]["content"], truth, aim, about)
            for name, completion, truth, aim, about in zip(
                task, completions, answer, target, context, strict=True
            )
        ]
        groups: dict[str, list[list[Score]]] = defaultdict(list)
        for start in range(0, len(scores), self.num_generations):
            group = scores[start : start + self.num_generations]
            groups[task[start]].append(group)
            values = [score.value for score in group]
            self._groups.append((task[start], difficulty[start], values))
        for name, of_task in groups.items():
            values = [score.value for group in of_task for score in group]
            failures = [not score.parsed for group in of_task for score in group]
            alike = [len({score.value for score in group}) == 1 for group in of_task]
            levels = [d for d, t in zip(difficulty, task, strict=True) if t == name]
            stood_in = [s for s, t in zip(substituted, task, strict=True) if t == name]
            log_metric(f"difficulty/{name}", fmean(levels))
            log_metric(f"substituted/{name}", fmean(stood_in))
            log_metric(f"reward/{name}", fmean(values))
            floor = self.floors.mean(name, levels)
            log_metric(f"floor/{name}", floor)
            log_metric(f"normalised/{name}", normalised(fmean(values), floor))
            log_metric(f"parse_failures/{name}", fmean(failures))
            log_metric(f"zero_variance/{name}", fmean(alike))
        for name, figure in self.measurements().items():
            log_metric(name, figure)
        return [score.value for score in scores]
