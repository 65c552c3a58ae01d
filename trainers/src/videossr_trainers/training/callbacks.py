"""What a run tells while it goes: to whoever watches, and to a file that outlives a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from videossr_trainers.failures import naming_full_disk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from videossr_trainers.training.train import Report


class StepReport(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Passes each step's measurements on, and appends them to a file of JSON lines.

    Args:
        stage: what the steps belong to.
        report: called by every process.
        path: the file, which the main process alone writes.
    """

    def __init__(self, stage: str, report: Report, path: Path) -> None:
        self.stage = stage
        self.report = report
        self.path = path

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Tell of a step; the summary at the end has no loss of its own."""
        del args, control
        if not logs or "loss" not in logs:
            return
        self.report(self.stage, state.global_step, state.max_steps, logs)
        if state.is_world_process_zero:
            line = json.dumps({"stage": self.stage, "step": state.global_step, **logs})
            with naming_full_disk(self.path), self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
