"""A benchmark: a dataset whose questions are all checked, what answers to it are worth, baselines."""

from videossr.benchmark.baselines import BASELINES, Baseline, Guess, baselines_of
from videossr.benchmark.benchmark import Benchmark, refuse_overlap, refuse_planned
from videossr.benchmark.comparison import Difference, compare
from videossr.benchmark.constants import Constants
from videossr.benchmark.question import Question, key_of
from videossr.benchmark.scores import Graded, Measured, Scores, measure

__all__ = [
    "BASELINES",
    "Baseline",
    "Benchmark",
    "Constants",
    "Difference",
    "Graded",
    "Guess",
    "Measured",
    "Question",
    "Scores",
    "baselines_of",
    "compare",
    "key_of",
    "measure",
    "refuse_overlap",
    "refuse_planned",
]
