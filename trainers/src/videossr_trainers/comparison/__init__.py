"""Runs of `videossr eval` or `videossr diagnose` on the same questions, side by side."""

from videossr_trainers.comparison.differences import compare
from videossr_trainers.comparison.page import summary_of, write_comparisons
from videossr_trainers.comparison.runs import read_runs

__all__ = ["compare", "read_runs", "summary_of", "write_comparisons"]
