"""A benchmark as a task folder for lmms-eval."""

from videossr_trainers.bench.lmms_eval.export import Exports, export_lmms_eval

__all__ = ["Exports", "export_lmms_eval"]
