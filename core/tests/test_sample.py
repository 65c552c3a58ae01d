"""A sample, and what is easily given in its place."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from videossr import Clip, Sample
from videossr.sample import question_prompt

CLIP = Clip(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.arange(4).double())
PROMPT = question_prompt(None, "What is it?")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"prompt": "What is it?"}, "prompt: a text; must be messages, such as those of question_"),
        ({"clips": CLIP}, "clips: Clip; must be a tuple of Clip, (clip,) for a single one"),
        ({"clips": [CLIP]}, "clips: list; must be a tuple of Clip, (clip,) for a single one"),
        ({"clips": (CLIP.frames,)}, "clips: tuple; must be a tuple of Clip, "),
        ({"answer": 3}, "answer: 3 is int; must be text, str(answer) perhaps"),
        ({"answer": ""}, "answer: empty; must be the text that scores 1.0"),
        ({"clips": (CLIP, CLIP)}, "prompt: 1 video parts for 2 clips; must be as many"),
        ({"target": {"at": float("nan")}}, "target: "),
        ({"target": {"at": CLIP}}, "target: "),
    ],
)
def test_what_makes_no_sample_is_told(wrong: dict[str, Any], expected: str) -> None:
    """By the name of the argument, with what is right."""
    right: dict[str, Any] = {"prompt": PROMPT, "clips": (CLIP,), "answer": "3"}
    Sample(**right)
    with pytest.raises((TypeError, ValueError)) as caught:
        Sample(**right | wrong)
    assert str(caught.value).startswith(expected)
