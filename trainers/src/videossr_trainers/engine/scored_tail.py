"""Answers stand behind their prompts, so leave the prompts out of the projection to the vocabulary.

TRL's fused head projects the labelled positions alone where Triton is, and every position elsewhere. On a
CPU that is a tenth of a supervised step and a fifth of a step of GRPO, for nothing: what the head makes of
unlabelled positions is thrown away.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from videossr_trainers.engine.shared_prefix import bare_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

#: A target that is none, as torch and transformers have it.
_NONE: Final = -100


@contextmanager
def scored_tail(model: Any, targets: Tensor, *, shifted: bool = True) -> Iterator[Tensor]:  # noqa: ANN401
    """While it lasts, the head of the model is given the positions from the first scored one on.

    Args:
        model: a Qwen3-VL for conditional generation, or one inside PEFT, not inside wrappers of processes.
        targets: int64 [B, L], -100 where nothing is scored.
        shifted: at each position the token to predict; if not, the token that stands there.

    Yields:
        The targets of those positions, int64 [B, K], to be given to the model in the place of the others.
        On devices other than the CPU these are all.
    """
    labelled = (targets != _NONE).any(0).nonzero()
    if targets.device.type != "cpu" or not len(labelled):
        yield targets
        return
    start = max(0, int(labelled[0]) - (not shifted))

    def keep(_module: Any, _arguments: Any, output: Any) -> Any:  # noqa: ANN401 - torch's
        output.last_hidden_state = output.last_hidden_state[:, start:]
        return output

    hook = bare_model(model).base_model.register_forward_hook(keep)
    try:
        yield targets[:, start:]
    finally:
        hook.remove()
