"""Questions that are lost because a video cannot be read any more: how many a run puts up with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videossr_trainers.failures import TrainingError
from videossr_trainers.processes import gathered, raise_together
from videossr_trainers.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from transformers import TrainerControl, TrainerState, TrainingArguments


class LostQuestions(Remembering):
    """Ends a run that has lost too many of its questions; logs `lost_questions`, how many so far.

    Args:
        questions: of the run.
        most: the share of them that may be lost.
    """

    def __init__(self, questions: int, most: float) -> None:
        self.questions = questions
        self.most = most
        self._lost: dict[str, str] = {}
        self._new: dict[str, str] = {}

    def note(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in the rows that this process was given."""
        self._new.update((row["lost"], row["lost_reason"]) for row in rows if row.get("lost"))

    def remembered(self) -> dict[str, Any]:
        """What was lost, with the reasons."""
        return {"lost": self._lost}

    def take_up(self, remembered: Mapping[str, Any]) -> None:
        """Go on with what was lost before."""
        self._lost = dict(remembered["lost"])

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Take in what all processes have lost, and end the run if that is too much."""
        del args, control
        self._lost.update(gathered(list(self._new.items())))
        self._new = {}
        met = None
        if len(self._lost) > self.most * self.questions:
            name, reason = list(self._lost.items())[-1]
            met = TrainingError(
                f"step {state.global_step}: {len(self._lost)} of {self.questions} questions are lost "
                f"because their videos cannot be read, more than grpo.max_lost_share={self.most:g} "
                f"allows; the last was {name}: {reason}; bring the videos back, and go on with --resume"
            )
        raise_together(met)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Add the count."""
        del args, state, control
        if logs and "loss" in logs:
            logs["lost_questions"] = len(self._lost)
