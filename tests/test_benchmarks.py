"""Benchmarks tell what they have seen; that for GPUs runs where there is none, and where little is installed."""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from videossr.procedural import write_videos

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def small(name: str, *words: str) -> list[str]:
    """What a benchmark prints when it is run at its smallest."""
    done = subprocess.run(
        [sys.executable, f"benchmarks/{name}.py", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_rendering_is_measured_for_every_task(tmp_path: Path) -> None:
    """Each has a question about every clip; ratios come out, of all clips."""
    write_videos(tmp_path, 3, seed=1, seconds=5.0, fps=24.0, height=96, width=128)
    *lines, threads, ratio = small("render", str(tmp_path), "--repeat", "3")
    assert sum("3 clips" in line for line in lines) >= 4
    assert threads.startswith("two threads: ")
    assert float(ratio.removeprefix("render: ")) > 0


@pytest.mark.slow
def test_rewards_are_measured_small() -> None:
    """A line for each task, and last the ratio."""
    *_, anomaly, counting, jigsaw, last = small("rewards", "--answers", "600")
    assert ["anomaly", "counting", "jigsaw"] == [
        line.split()[0] for line in (anomaly, counting, jigsaw)
    ]
    assert float(last.removeprefix("rewards: ")) > 0


def imported(name: str) -> Any:  # noqa: ANN401 - a module
    """A benchmark as a module."""
    spec = spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def gpu_step() -> Any:  # noqa: ANN401 - a module
    """The benchmark of steps on a GPU."""
    return imported("gpu_step")


@pytest.fixture(scope="module")
def kill_and_resume() -> Iterator[Any]:
    """The benchmark of killed runs, which imports a configuration from the tests of the trainers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        yield imported("kill_and_resume")


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
    assert gpu_step.measured(step, [(1, True)], 1) == {(1, True): None}
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


#: In the place of a training of three steps: one that begins does what a test says, one that goes on ends.
STEPS = """
import sys, time
from pathlib import Path

def measure(*steps):
    with path.open("a") as file:
        file.writelines(f'{{"stage": "grpo", "step": {step}}}\\n' for step in steps)

path = Path(sys.argv[1]) / "metrics.jsonl"
if path.exists():
    measure(2, 3)
else:
    path.parent.mkdir()
    BEGINS
"""


def killed(benchmark: Any, folder: Path, begins: str) -> tuple[list[tuple[str, str]], int]:  # noqa: ANN401
    """What the benchmark tells of a run that is to be killed once, after its first step."""
    script = folder / "steps.py"
    script.write_text(STEPS.replace("BEGINS", begins))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "command", lambda run, _: [sys.executable, str(script), str(run)])
        arguments = argparse.Namespace(seed=0, steps=1, kills=1)
        fates: tuple[list[tuple[str, str]], int] = benchmark.killed(folder / "run", arguments, 2)
    return fates


def test_a_kill_is_told_with_the_steps_taken(kill_and_resume: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """The first step before it, and the other two after it."""
    found = killed(kill_and_resume, tmp_path, "measure(1); time.sleep(600)")
    assert ([("grpo 1", "warm start 0")], 3) == found


@pytest.mark.parametrize("code", [0, 1])
def test_a_run_that_ended_by_itself_was_not_killed(
    kill_and_resume: Any,  # noqa: ANN401
    tmp_path: Path,
    code: int,
) -> None:
    """Or the benchmark would tell of kills that never were."""
    with pytest.raises(SystemExit, match=f"ended with {code}, and not with -9"):
        killed(kill_and_resume, tmp_path, f"sys.exit({code})")


def test_a_difference_that_is_not_a_number_is_one(kill_and_resume: Any) -> None:  # noqa: ANN401
    """By hand: NaN is as NaN, and infinitely far from 1; so is an infinity."""
    nan, inf = math.nan, math.inf

    def found(one: float, other: float) -> tuple[float, str]:
        steps = [[{"stage": "grpo", "step": 7, "loss": loss}] for loss in (one, other)]
        return tuple(kill_and_resume.difference(*steps))  # type: ignore[return-value]

    assert (0.0, "nowhere") == found(nan, nan) == found(inf, inf) == found(1.0, 1.0)
    assert (0.5, "loss at grpo 7") == found(1.0, 1.5)
    far = (inf, "loss at grpo 7")
    assert far == found(nan, 1.0) == found(1.0, nan) == found(inf, 1.0) == found(inf, -inf)


def test_without_its_peer_decoding_has_no_ratio() -> None:
    """PyAV is no peer of itself."""
    decode = imported("decode")
    assert "-" == decode.ratio_of({"pyav": [1.0, 1.0], "opencv": [0.7]})
    assert "-" == decode.ratio_of({"pyav": [1.0, 1.0], "torchcodec": []})
    assert "0.70" == decode.ratio_of({"pyav": [1.0, 1.0], "torchcodec": [0.6, 0.8]})
