"""What a run tells while it goes: to whoever watches, and to a file that outlives a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from videossr_trainers.train import Report


class StepReport(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Passes each step's measurements on, under the name of a stage."""

    def __init__(self, stage: str, report: Report) -> None:
        self.stage = stage
        self.report = report

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Report a step; the summary at the end has no loss of its own."""
        del args, control
        if logs and "loss" in logs:
            self.report(self.stage, state.global_step, state.max_steps, logs)


class MetricsFile(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Appends each step's measurements to a file of JSON lines."""

    def __init__(self, path: Path, stage: str) -> None:
        self.path = path
        self.stage = stage

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Append one line, from the main process alone."""
        del args, control
        if logs and "loss" in logs and state.is_world_process_zero:
            line = json.dumps({"stage": self.stage, "step": state.global_step, **logs})
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
