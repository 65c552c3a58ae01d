"""Questions that begin alike in several ways, on their way to a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tiny_questions import questions, random_clip

from videossr import Sample
from videossr.sample import question_prompt
from videossr_trainers.answering import Asked, Decoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from videossr.clip import Clip

GREEDY = Decoding(max_new_tokens=6)
SAMPLED = Decoding(max_new_tokens=6, answers=3, temperature=1.0, seed=4)


def about(clips: Sequence[Clip], *texts: str) -> list[Sample]:
    """Questions about the same clips."""
    places = [None] * len(clips)
    return [Sample(question_prompt(*places, text), tuple(clips), "1") for text in texts]


def alike() -> list[Sample]:
    """Questions of all shapes, some of which begin alike: with one video, with two, with one of two."""
    first, second, third, fourth = (random_clip(seed) for seed in (21, 22, 23, 27))
    times_alone = replace(second, frames=random_clip(24).frames)
    third_times_alone = replace(third, frames=random_clip(25).frames)
    return [
        *about(
            [first], "When?", "In which order do the parts come, and when does each of them end?"
        ),
        *questions(),
        *about([first], "Where to?"),
        *about([second, third], "When?", "Which of the two is the longer one?"),
        *about([second], "When?"),
        *about([second, first], "Which is the longer one?"),
        *about([times_alone], "When?"),
        # What comes after the video that these share looks alike in tokens, and is another one.
        *about([fourth, third], "When?"),
        *about([fourth, third_times_alone], "When?"),
        # Positions run ahead of the tokens by two in each pair of these frames.
        *about([random_clip(26, height=64)], "When?", "Where?"),
    ]


def asked(samples: Iterable[Sample]) -> Iterator[Asked]:
    """Samples with keys."""
    return (Asked(f"question {i}", sample) for i, sample in enumerate(samples))
