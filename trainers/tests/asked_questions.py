"""Questions that `faulty_server` knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiny_questions import random_clip

from videossr import Sample
from videossr.sample import question_prompt
from videossr_trainers.answering import Asked, Decoding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videossr_trainers.answering import Answer, Answerer

#: One answer, by the most likely tokens.
GREEDY = Decoding(max_new_tokens=8)


def asked(name: str, seed: int = 0) -> Asked:
    """A question of this name about a clip of noise."""
    clip = random_clip(seed, frames=2, width=32)
    return Asked(name, Sample(question_prompt(None, f"question {name}"), (clip,), "7"))


def answers_of(
    answerer: Answerer, names: Iterable[str], decoding: Decoding = GREEDY
) -> dict[str, tuple[Answer, ...]]:
    """What is answered to each question; each must come once."""
    answered = {}
    for question, answers in answerer.answer(map(asked, names), decoding):
        assert question.key not in answered
        answered[question.key] = answers
    return answered
