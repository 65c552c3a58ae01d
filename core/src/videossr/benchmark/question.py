"""A question as it turned out when it was shown: all that grading its answers needs, and no pixels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.clip import Clip
    from videossr.dataset import Recipe
    from videossr.facades import Score, Task
    from videossr.sample import Sample


def key_of(recipe: Recipe) -> str:
    """By what a question is told from the benchmark's others, such as `jigsaw_easy/17`."""
    return f"{recipe.task}/{recipe.index}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was rendered.

    Attributes:
        key: as `key_of`.
        subtask: the task's name in the configuration.
        video, video_hash: what it is about.
        difficulty: from 0 to 1.
        text: of the prompt, without its videos.
        answer, target: the sample's own.
        times: of the clip that the question was made from, in seconds.
        size: height and width of that clip, in pixels.
        as_built: whether its pixels are those that the benchmark was checked with, to the bit; another
            decoder build may differ by rounding.
    """

    key: str
    subtask: str
    video: str
    video_hash: str
    difficulty: float
    text: str
    answer: str
    target: Mapping[str, Any]
    times: Sequence[float]
    size: tuple[int, int]
    as_built: bool

    @classmethod
    def of(cls, recipe: Recipe, sample: Sample, clip: Clip) -> Self:
        """The question of a recipe.

        Args:
            recipe: a checked one.
            sample: as it was rendered.
            clip: what it was made from.
        """
        return cls(
            key=key_of(recipe),
            subtask=recipe.task,
            video=recipe.video,
            video_hash=recipe.video_hash,
            difficulty=recipe.difficulty,
            text=sample.question,
            answer=sample.answer,
            target=dict(sample.target),
            times=clip.times.tolist(),
            size=(clip.height, clip.width),
            as_built=sample.digest() == recipe.digest,
        )

    @classmethod
    def read(cls, tree: Mapping[str, Any]) -> Self:
        """A question from what `tree` gave, perhaps by way of JSON."""
        return cls(**{**tree, "size": tuple(tree["size"])})

    def tree(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "size": list(self.size)}

    def score(self, task: Task, completion: str) -> Score:
        """What a completion is worth.

        Raises:
            PluginError: the task's reward failed.
        """
        context = f"{self.key}, video {self.video}"
        return task.score(completion, self.answer, self.target, context)
