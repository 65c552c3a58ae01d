"""What a model in memory answers to a few questions, and whether it looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videossr_trainers.answering import Asked, Decoding
from videossr_trainers.answering.local import LocalAnswerer
from videossr_trainers.bench.conditions import Condition, blinded, strangers, with_frames_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videossr.dataset import Recipe
    from videossr.facades import Score
    from videossr.render import Renderer
    from videossr.sample import Sample


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
    shown = shown_under(condition, samples, recipes)
    answered = []
    completions = answer_questions(model, processor, shown, max_new_tokens=max_new_tokens)
    for recipe, sample, completion in zip(recipes, samples, completions, strict=True):
        score = renderer.task(recipe).score(completion, sample.answer, sample.target)
        answered.append(Answered(recipe, completion, score))
        if progress:
            progress(len(answered), len(recipes))
    return answered


def shown_under(
    condition: Condition, samples: Sequence[Sample], recipes: Sequence[Recipe]
) -> list[Sample]:
    """The samples with the pictures of a condition; prompts, times and answers stay as they are.

    Args:
        recipes: of the samples.

    Raises:
        ConfigError: a task has no other question to borrow a video from.
    """
    if condition == "sighted":
        return list(samples)
    if condition == "blind":
        return [blinded(sample) for sample in samples]
    # A few questions may well be about one video.
    lenders = strangers(recipes, one_video=True)
    return [
        with_frames_of(sample, samples[lender])
        for sample, lender in zip(samples, lenders, strict=True)
    ]
