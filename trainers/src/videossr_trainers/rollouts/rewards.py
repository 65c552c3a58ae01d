"""The reward that TRL calls: each completion goes to its own task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossr_trainers.rollouts.groups import Completion, GradedGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from videossr.dataset import Recipe
    from videossr.facades import Score, Task
    from videossr.sample import Sample


class TaskReward:
    """Grades completions of mixed tasks, and keeps what was graded for those who measure it.

    Args:
        tasks: by name.
        num_generations: answers of a group, which stand in succession.
        measurements: figures of modifiers, logged at each call.
    """

    __name__ = "task_reward"

    def __init__(
        self,
        tasks: Mapping[str, Task],
        num_generations: int,
        *,
        measurements: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self.tasks = tasks
        self.num_generations = num_generations
        self.measurements = measurements
        self._groups: list[tuple[str, float, list[float]]] = []
        self._graded: list[GradedGroup] = []
        self._samples: list[Sample] = []

    def take_groups(self) -> list[tuple[str, float, list[float]]]:
        """Task, difficulty and rewards of the groups graded since the last time, and forget them."""
        groups, self._groups = self._groups, []
        return groups

    def take_graded(self) -> tuple[list[GradedGroup], list[Sample]]:
        """The groups graded since the last time with their samples, and forget them."""
        taken = self._graded, self._samples
        self._graded, self._samples = [], []
        return taken

    def __call__(
        self,
        *,
        completions: Sequence[Sequence[Mapping[str, str]]],
        completion_ids: Sequence[Sequence[int]],
        recipe: Sequence[Recipe],
        sample: Sequence[Sample],
        substituted: Sequence[bool],
        log_metric: Callable[[str, float], None],
        **_: object,
    ) -> list[float]:
        """Rewards in [0, 1], one for each completion."""
        texts = [completion[-1]["content"] for completion in completions]
        scores = [
            self.tasks[one.task].score(text, shown.answer, shown.target, one.context)
            for one, shown, text in zip(recipe, sample, texts, strict=True)
        ]
        for start in range(0, len(scores), self.num_generations):
            of_group = slice(start, start + self.num_generations)
            answers = zip(texts[of_group], completion_ids[of_group], scores[of_group], strict=True)
            group = _graded(recipe[start], sample[start], answers, substituted=substituted[start])
            self._graded.append(group)
            self._samples.append(sample[start])
            self._groups.append((group.recipe.task, group.recipe.difficulty, group.rewards))
        for name, figure in self.measurements().items():
            log_metric(name, figure)
        return [score.value for score in scores]


def _graded(
    recipe: Recipe,
    sample: Sample,
    answers: Iterable[tuple[str, Sequence[int], Score]],
    *,
    substituted: bool,
) -> GradedGroup:
    return GradedGroup(
        recipe=recipe,
        question=sample.question,
        answer=sample.answer,
        target=sample.target,
        substituted=substituted,
        completions=tuple(
            Completion(text, tuple(tokens), score.value, score.parsed)
            for text, tokens, score in answers
        ),
    )
