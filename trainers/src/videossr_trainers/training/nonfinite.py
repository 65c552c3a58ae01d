"""Steps whose loss or gradient is not finite: left out, counted, and the end of the run if they go on.

One NaN that reaches the weights makes every later answer worthless, and a checkpoint of them too.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import Trainer

from videossr_trainers.failures import TrainingError
from videossr_trainers.processes import any_process, gathered, raise_together
from videossr_trainers.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from transformers import TrainerControl, TrainerState, TrainingArguments

#: Questions that a message names.
_NAMED: Final = 8


class NonfiniteSteps(Remembering):
    """Counts the steps that were left out, and logs `nonfinite_steps`, how many there were so far.

    Args:
        most: so many in a row end the run.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.total = 0
        self.in_row = 0

    def remembered(self) -> dict[str, Any]:
        """The counts."""
        return {"total": self.total, "in_row": self.in_row}

    def take_up(self, remembered: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.total, self.in_row = int(remembered["total"]), int(remembered["in_row"])

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Add the count, and take out what is no number: JSON has no word for it."""
        del args, state, control
        if logs and "loss" in logs:
            logs["nonfinite_steps"] = self.total
            for name in [
                n for n, v in logs.items() if isinstance(v, float) and not math.isfinite(v)
            ]:
                del logs[name]

    def count(self, step: int, questions: Sequence[str]) -> TrainingError | None:
        """Take in a step that was left out, and give the error if there were too many in a row."""
        self.total += 1
        self.in_row += 1
        what = f"step {step}: the loss or its gradient is not finite{_named(questions)}"
        if self.in_row < self.most:
            warnings.warn(f"{what}; the step is left out", stacklevel=2)
            return None
        often = "" if self.most == 1 else f"; with it {self.most} such steps are in a row"
        return TrainingError(
            f"{what}{often}; the weights are those before it; lower grpo.learning_rate or "
            "grpo.max_grad_norm, or look at these questions"
        )


class FiniteSteps(Trainer):  # type: ignore[misc] # transformers is untyped
    """A trainer that takes no step by a loss or gradient that is not finite in any process.

    Args:
        max_nonfinite_steps: so many in a row end the run.
        arguments: those of the trainer.
    """

    def __init__(self, *, max_nonfinite_steps: int, **arguments: Any) -> None:  # noqa: ANN401
        super().__init__(**arguments)
        self.nonfinite = NonfiniteSteps(max_nonfinite_steps)
        # Before those that read what is logged.
        self.callback_handler.callbacks.insert(0, self.nonfinite)
        self._finite = torch.tensor(True, device=self.args.device)
        #: Questions whose part of the loss was not finite in this step.
        self.suspects: list[str] = []

    def asked_questions(self) -> Iterable[str]:
        """The questions of this process in this step, for an error to name."""
        return ()

    def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:  # noqa: ANN401
        """As ever, and remember whether the loss was finite."""
        loss: torch.Tensor = super().training_step(*arguments, **named)
        self._finite &= torch.isfinite(loss).all()
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:  # noqa: ANN401
        """The norm; called just before the optimizer's step, and the place to leave that step out."""
        norm = super()._get_grad_norm(model, grad_norm)
        # DeepSpeed has no norm to give before its first update; then the loss alone tells.
        fine = bool(self._finite) and (norm is None or math.isfinite(float(norm)))
        self._finite.fill_(value=True)
        if any_process(not fine):
            self._leave_out(model)
        else:
            self.nonfinite.in_row = 0
        self.suspects = []
        return norm

    def _leave_out(self, model: Any) -> None:  # noqa: ANN401 - transformers'
        known = gathered(self.suspects) or gathered(list(self.asked_questions()))
        names = list(dict.fromkeys(known))
        if self.is_deepspeed_enabled:
            self.nonfinite.most = 1  # its update is part of the backward pass, and already done
        # An optimizer passes over parameters without a gradient.
        model.zero_grad(set_to_none=True)
        with warnings.catch_warnings():
            if self.args.process_index:
                warnings.simplefilter("ignore")  # one process speaks
            met = self.nonfinite.count(self.state.global_step + 1, names)
        raise_together(met)


def _named(questions: Sequence[str]) -> str:
    if not questions:
        return ""
    more = len(questions) - _NAMED
    return f", in {'; '.join(questions[:_NAMED])}" + (f" and {more} more" if more > 0 else "")
