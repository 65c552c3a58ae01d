"""What a completion says without its thoughts."""

from __future__ import annotations

import pytest
from toy_plugins import Pick, PickConfig, registry_of

from videossr import Ramp
from videossr.completion import said


@pytest.mark.parametrize(
    ("completion", "left"),
    [
        ("B", "B"),
        ("<think>A? No, B.</think>B", "B"),
        ("<thinking>A</thinking>\n\nB", "B"),
        ("A or B, so</think> B", "B"),
        ("<think>one</think>A<think>two</think>B", "B"),
        ("<think>not done with thinking, A", ""),
        ("<think>A</think>B<think>wait", ""),
        ("First this, then <answer>B</answer>", "B"),
        ("<answer>A</answer> or <answer>B</answer>", "<answer>A</answer> or <answer>B</answer>"),
    ],
)
def test_thinking_is_no_answer(completion: str, left: str) -> None:
    """All up to the last end of thinking goes; where it never ends, nothing is left. Twice is as once."""
    assert left == said(completion)
    assert left == said(said(completion))


@pytest.mark.parametrize(
    "completion", ["1", " 1\n", "<think>0?</think>1", "So: <answer>1</answer>"]
)
def test_a_reward_sees_what_is_said(completion: str) -> None:
    """Whoever grades, in training or in measuring: the task's own reward would read none of these but the first."""
    task = registry_of(pick=Pick()).task("pick", PickConfig(options=Ramp.between(2, 2)), 0.5)
    assert task.score(completion, "1", {}).value == 1.0
