"""The benchmark for GPUs runs where there is none, and where little is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import torch

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


@pytest.fixture(scope="module")
def gpu_step() -> Any:  # noqa: ANN401 - a module
    """The benchmark, imported."""
    spec = spec_from_file_location("gpu_step", ROOT / "benchmarks" / "gpu_step.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["gpu_step"] = module  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("part", ["generate_groups", "pack"])
def test_a_way_that_does_not_fit_leaves_the_model_as_it_was(
    gpu_step: Any,  # noqa: ANN401
    part: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Out of memory while decoding or in the reference: the next way has adapter and checkpointing on."""
    step = gpu_step.Step(
        gpu_step.small(), torch.device("cpu"), "lora", questions=1, checkpointing=True
    )
    step.model.train()

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(gpu_step, part, full)
    assert gpu_step.measure(step, 1, 1, shared=True) is None
    assert step.adapter.on
    assert step.model.training
    assert step.model.is_gradient_checkpointing


def test_the_last_figure_is_repeated_to_shared(gpu_step: Any) -> None:  # noqa: ANN401
    """Against the best of the shared ways; none where one path does not fit, an error where none does."""
    spent = {(1, True): 2.0, (8, True): 1.0, (16, True): None, (1, False): 8.0}
    assert gpu_step.ratio_of(spent) == "8.00"
    assert gpu_step.ratio_of({**spent, (1, False): None}) == "-"
    with pytest.raises(SystemExit, match="no way fits"):
        gpu_step.ratio_of(dict.fromkeys(spent))
