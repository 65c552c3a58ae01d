"""What a model answers, and whether it looked: sighted, blind, and with another question's video.

A grey picture is foreign to a model and may hurt it for that alone; the video of another question
shows it something it knows, and has nothing to do with the right answer. Both stand beside the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import torch

from videossr import Clip
from videossr_trainers.answering import Asked, Decoding
from videossr_trainers.answering.local import LocalAnswerer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videossr.dataset import Recipe
    from videossr.facades import Score
    from videossr.render import Renderer
    from videossr.sample import Sample

Condition = Literal["sighted", "blind", "wrong video"]
CONDITIONS: Final[tuple[Condition, ...]] = ("sighted", "blind", "wrong video")

_GREY: Final = 128


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, what the model said, and what that is worth."""

    recipe: Recipe
    completion: str
    score: Score


def answer_questions(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    samples: Sequence[Sample],
    *,
    max_new_tokens: int,
    batch_size: int = 32,
) -> Iterator[str]:
    """The model's most likely answer to each sample, by greedy decoding, in order.

    Raises:
        RuntimeError: a sample that could not be answered.
    """
    answerer = LocalAnswerer(model, processor, batch_size=batch_size)
    asked = (Asked(str(i), sample) for i, sample in enumerate(samples))
    for question, (answer,) in answerer.answer(asked, Decoding(max_new_tokens=max_new_tokens)):
        if answer.failure is not None:
            raise RuntimeError(f"question {question.key}: {answer.failure}")
        yield answer.text


def evaluate(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    recipes: Sequence[Recipe],
    renderer: Renderer,
    condition: Condition,
    *,
    max_new_tokens: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Answered]:
    """Answer every recipe's question under one condition, and grade the answers."""
    samples = [renderer.render(recipe) for recipe in recipes]
    tasks, videos = [recipe.task for recipe in recipes], [recipe.video for recipe in recipes]
    shown = shown_under(condition, samples, tasks, videos)
    answered = []
    completions = answer_questions(model, processor, shown, max_new_tokens=max_new_tokens)
    for recipe, sample, completion in zip(recipes, samples, completions, strict=True):
        score = renderer.task(recipe).score(completion, sample.answer, sample.target)
        answered.append(Answered(recipe, completion, score))
        if progress:
            progress(len(answered), len(recipes))
    return answered


def shown_under(
    condition: Condition, samples: Sequence[Sample], tasks: Sequence[str], videos: Sequence[str]
) -> list[Sample]:
    """The samples with the pictures of a condition; prompts, times and answers stay as they are.

    Args:
        tasks, videos: of the samples, by name.
    """
    if condition == "sighted":
        return list(samples)
    if condition == "blind":
        return [
            replace(
                s, clips=tuple(c.with_frames(torch.full_like(c.frames, _GREY)) for c in s.clips)
            )
            for s in samples
        ]
    return [
        replace(sample, clips=_borrowed(sample, samples[_other(i, samples, tasks, videos)]))
        for i, sample in enumerate(samples)
    ]


def _other(i: int, samples: Sequence[Sample], tasks: Sequence[str], videos: Sequence[str]) -> int:
    """The next question of the same task about another video, with another answer where there is one.

    Where a task has but one video, another question about it has to do.
    """
    later = [(i + step) % len(samples) for step in range(1, len(samples))]
    of_task = [
        j for j in later if tasks[j] == tasks[i] and len(samples[j].clips) == len(samples[i].clips)
    ]
    if not of_task:
        raise ValueError(f"task {tasks[i]!r} has one question; the wrong video needs another one's")
    # min takes the first of the best, and False comes before True
    return min(
        of_task, key=lambda j: (videos[j] == videos[i], samples[j].answer == samples[i].answer)
    )


def _borrowed(sample: Sample, other: Sample) -> tuple[Clip, ...]:
    return tuple(
        Clip(_resized(theirs, len(own), own.height, own.width), own.times)
        for own, theirs in zip(sample.clips, other.clips, strict=True)
    )


def _resized(clip: Clip, count: int, height: int, width: int) -> torch.Tensor:
    frames = clip.frames[torch.linspace(0, len(clip) - 1, count).round().long()]
    if (clip.height, clip.width) == (height, width):
        return frames
    return torch.nn.functional.interpolate(
        frames, size=(height, width), mode="bilinear", antialias=True
    )
