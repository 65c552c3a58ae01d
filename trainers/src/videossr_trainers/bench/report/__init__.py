"""The report of one or several runs of a benchmark: one HTML file, with JSON and CSV beside it."""

from videossr_trainers.bench.report.page import write_bench_report

__all__ = ["write_bench_report"]
