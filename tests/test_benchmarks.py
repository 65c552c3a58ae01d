"""The benchmark for GPUs runs where there is none, and where little is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_gpu_benchmark_runs_small_on_a_cpu_without_the_training_libraries(
    tmp_path: Path,
) -> None:
    """Both ways to train are measured, each path compared with the other, with torch and transformers alone."""
    for missing in ("trl", "peft", "datasets", "torchcodec", "videossr"):
        (tmp_path / f"{missing}.py").write_text("raise ImportError('not installed')\n")
    options = ["--cpu-small", "--questions", "2", "--together", "2", "--repeat", "1"]
    done = subprocess.run(
        ["/bin/bash", "benchmarks/gpu.sh", *options],
        cwd=ROOT,
        env=os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert 2 == sum(line.startswith("gpu_step: ") for line in lines)
    assert 2 == sum(line.lstrip().startswith("repeated") for line in lines)
