"""Answers stand behind their prompts, so leave the prompts out of the projection to the vocabulary.

TRL's fused head projects the labelled positions alone where Triton is, and every position elsewhere, to throw
away what it made of the others: ten positions of a prompt for one of its answer.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from videossr_trainers.engine.encoding import NO_LABEL
from videossr_trainers.engine.shared_prefix import bare_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


@contextmanager
def scored_tail(model: Any, targets: Tensor, start: int) -> Iterator[Tensor]:  # noqa: ANN401
    """While it lasts, on a CPU the model's head is given the positions from `start` on.

    Args:
        model: a Qwen3-VL for conditional generation, or one inside PEFT, not inside wrappers of processes.
        targets: int64 [B, L], -100 where nothing is scored, as nothing is before `start`.

    Yields:
        The targets of those positions, to be given to the model in the place of the others: int64
        [B, L - start], or on other devices all of them.
    """
    if targets.device.type != "cpu":
        yield targets
        return

    def keep(_module: Any, _arguments: Any, output: Any) -> Any:  # noqa: ANN401 - torch's
        output.last_hidden_state = output.last_hidden_state[:, start:]
        return output

    hook = bare_model(model).base_model.register_forward_hook(keep)
    try:
        yield targets[:, start:]
    finally:
        hook.remove()


def first_label(labels: Tensor) -> int:
    """The first position of int64 [B, L] that any row has a label at; 0 where there is none."""
    return int((labels != NO_LABEL).any(0).int().argmax())
