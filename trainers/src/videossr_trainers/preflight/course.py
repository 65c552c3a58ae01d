"""When a preflight is made in the course of a training: once the model is loaded, and before step 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from accelerate import PartialState
from transformers import TrainerCallback

from videossr_trainers.preflight.inspection import OF_THE_DATA, OF_THE_TRAINER, inspect
from videossr_trainers.preflight.report import refuse, write
from videossr_trainers.preflight.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from videossr.config import RunConfig
    from videossr.dataset import Dataset
    from videossr.finding import Finding
    from videossr_trainers.engine.grpo import VideoGRPOTrainer

    #: Called by the main process with all findings, once they are complete.
    Tell = Callable[[Sequence[Finding]], None]

FILE: Final = "preflight.json"


class Done(Exception):  # noqa: N818 - no error
    """The checks are made, and nothing else was asked for."""


class Preflight(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Checks before the first step; a fault ends the training with `ConfigError`.

    The checks of the trainer wait until it begins, when a model that is divided among processes has
    been divided. They leave no trace in the run.

    Args:
        config: of the run.
        dataset: of the run.
        folder: the run's, where the findings are written.
        tell: what else is done with them.
        ends: whether the training ends with its checks, done or not.
    """

    def __init__(
        self,
        config: RunConfig,
        dataset: Dataset,
        folder: Path,
        tell: Tell | None = None,
        *,
        ends: bool = False,
    ) -> None:
        self.subject: Final = Subject(config, dataset, folder)
        self.findings: list[Finding] = []
        self._tell = tell
        self._ends = ends

    def of_the_data(self, model: Any, processor: Any) -> None:  # noqa: ANN401 - transformers is untyped
        """Check what the loaded model will read; called before any warm start.

        Raises:
            ConfigError: there is a fault; all of them are in it.
        """
        self.subject.model, self.subject.processor = model, processor
        self.findings = inspect(self.subject, OF_THE_DATA)
        if any(finding.state == "fault" for finding in self.findings):
            self._finish()

    def watch(self, trainer: VideoGRPOTrainer) -> None:
        """Check this trainer, too, when it begins."""
        self.subject.trainer, self.subject.model = trainer, trainer.model
        trainer.add_callback(self)

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Check the trainer.

        Raises:
            ConfigError: there is a fault; all of them are in it.
            Done: there is none, and the checks were all that was wanted.
        """
        del args, state, control
        self.findings += inspect(self.subject, OF_THE_TRAINER, self.findings)
        self._finish()

    def _finish(self) -> None:
        if PartialState().is_main_process:
            if not self._ends:
                write(self.findings, self.subject.folder / FILE)
            if self._tell:
                self._tell(self.findings)
        refuse(self.findings)
        if self._ends:
            raise Done
