"""What a callback knows goes into the checkpoints, and is taken up where training is resumed."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import TrainerControl, TrainerState, TrainingArguments


class Remembering(TrainerCallback, ExportableState):  # type: ignore[misc] # transformers is untyped
    """A callback that goes on with what it knew when the checkpoint was made."""

    @abstractmethod
    def remembered(self) -> dict[str, Any]:
        """What it knows, as plain JSON values."""

    @abstractmethod
    def take_up(self, remembered: Mapping[str, Any]) -> None:
        """Go on with what a checkpoint has."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Take up what was saved, where training is resumed."""
        del args, control
        if state.global_step:
            self.take_up(state.stateful_callbacks[type(self).__name__]["attributes"])

    def state(self) -> dict[str, Any]:
        """What transformers writes into a checkpoint."""
        return {"args": {}, "attributes": self.remembered()}
