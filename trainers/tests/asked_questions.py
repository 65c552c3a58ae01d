"""Questions that `faulty_server` knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from videossr import Clip, Sample
from videossr.sample import question_prompt
from videossr_trainers.answering import Asked, Decoding
from videossr_trainers.answering.cache import AnswerCache
from videossr_trainers.answering.cached import Cached
from videossr_trainers.answering.endpoint import EndpointAnswerer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from videossr_trainers.answering import Answer, Answerer

#: One answer, by the most likely tokens.
GREEDY = Decoding(max_new_tokens=8)


def names(count: int, start: int = 0) -> list[str]:
    """Names of questions."""
    return [f"q{i}" for i in range(start, count)]


def asked(name: str) -> Asked:
    """A question of this name about two frames."""
    frames = torch.arange(2 * 3 * 32 * 32, dtype=torch.int32).to(torch.uint8).view(2, 3, 32, 32)
    clip = Clip(frames, torch.tensor([0.0, 0.5], dtype=torch.float64))
    return Asked(name, Sample(question_prompt(None, f"question {name}"), (clip,), "7"))


def remote(url: str, path: Path) -> Cached:
    """A server's model with a file of answers, three questions at a time."""
    return Cached(EndpointAnswerer(url, "a-model", concurrency=3), AnswerCache(path))


def answers_of(
    answerer: Answerer, names: Iterable[str], decoding: Decoding = GREEDY
) -> dict[str, tuple[Answer, ...]]:
    """What is answered to each question; each must come once."""
    answered = {}
    for question, answers in answerer.answer(map(asked, names), decoding):
        assert question.key not in answered
        answered[question.key] = answers
    return answered
