"""What a model answers, and whether it looked: sighted, blind, and with another question's video.

A grey picture is foreign to a model and may hurt it for that alone; the video of another question
shows it something it knows, and has nothing to do with the right answer. Both stand beside the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import torch
from transformers import GenerationConfig

from videossr import Clip
from videossr_trainers.encoding import PromptBatch, PromptEncoder, place_holders
from videossr_trainers.shared_prefix import bare_model, generate_groups

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
    """The model's most likely answer to each sample, by greedy decoding, in order."""
    encoder = PromptEncoder(processor)
    bare = bare_model(model)
    greedy = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        pad_token_id=processor.tokenizer.pad_token_id,
        eos_token_id=model.generation_config.eos_token_id,
        suppress_tokens=place_holders(processor),
    )
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(samples), batch_size):
            prompts = encoder.encode(samples[start : start + batch_size])
            batch = PromptBatch.of(prompts, bare, processor.tokenizer.pad_token_id).to(model.device)
            answers = generate_groups(model, batch, 1, greedy)
            yield from processor.tokenizer.batch_decode(answers, skip_special_tokens=True)
    finally:
        model.train(was_training)


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
    shown = shown_under(condition, samples, [recipe.task for recipe in recipes])
    answered = []
    completions = answer_questions(model, processor, shown, max_new_tokens=max_new_tokens)
    for recipe, sample, completion in zip(recipes, samples, completions, strict=True):
        score = renderer.task(recipe).score(completion, sample.answer, sample.target)
        answered.append(Answered(recipe, completion, score))
        if progress:
            progress(len(answered), len(recipes))
    return answered


def shown_under(
    condition: Condition, samples: Sequence[Sample], tasks: Sequence[str]
) -> list[Sample]:
    """The samples with the pictures of a condition; prompts, times and answers stay as they are."""
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
        replace(sample, clips=_borrowed(sample, samples[_other(i, samples, tasks)]))
        for i, sample in enumerate(samples)
    ]


def _other(i: int, samples: Sequence[Sample], tasks: Sequence[str]) -> int:
    """The next question of the same task with another answer."""
    later = [(i + step) % len(samples) for step in range(1, len(samples))]
    of_task = [
        j for j in later if tasks[j] == tasks[i] and len(samples[j].clips) == len(samples[i].clips)
    ]
    if not of_task:
        raise ValueError(f"task {tasks[i]!r} has one question; the wrong video needs another one's")
    return next((j for j in of_task if samples[j].answer != samples[i].answer), of_task[0])


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
