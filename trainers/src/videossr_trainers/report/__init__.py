"""The report of a run: one HTML file with the numbers, the curves and the questions to watch."""

from __future__ import annotations

from videossr_trainers.report.data import (
    Evaluation,
    Run,
    Score,
    ShownSample,
    StepMetrics,
    TaskStep,
)
from videossr_trainers.report.page import write_report

__all__ = [
    "Evaluation",
    "Run",
    "Score",
    "ShownSample",
    "StepMetrics",
    "TaskStep",
    "write_report",
]
