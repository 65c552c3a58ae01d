"""Several processes, on the CPU: they train as one process does, and none waits for another for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from two_processes import FIGURES, fixed

from videossr_trainers.launch import launch_file
from videossr_trainers.models.load import load_model

if TYPE_CHECKING:
    from two_processes import Logs

TESTS = Path(__file__).parent

#: By name of the distribution: what starts two processes, and what accelerate calls it.
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
LAUNCH = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"]
NEEDS_DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs deepspeed")


def by_file(name: str) -> list[str]:
    """The command line of a shipped launch file, for two processes in float32."""
    file = str(launch_file(name))
    changes = ["--num_processes=2", "--mixed_precision=no", "--main_process_port=0"]
    return [*LAUNCH, "--config_file", file, *changes]


def run(command: list[str], model: Path, output: Path) -> dict[str, Any]:
    """What the processes logged."""
    arguments = [*command, str(TESTS / "two_processes.py"), str(model), str(output)]
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    logs: dict[str, Any] = json.loads((output / "logs.json").read_text())
    return logs


def assert_alike(ours: Logs, theirs: Logs) -> None:
    """The same figures in each step, to float32's accuracy."""
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        for name in FIGURES:
            assert one[name] == pytest.approx(other[name], rel=1e-4, abs=1e-5), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("MULTI_CPU", TORCHRUN),
        ("FSDP", by_file("fsdp2")),
        pytest.param("DEEPSPEED", by_file("zero2"), marks=NEEDS_DEEPSPEED),
    ],
    ids=["ddp", "fsdp2", "zero2"],
)
def test_two_processes_train_as_one_does(
    kind: str, command: list[str], tiny_folder: Path, tmp_path: Path
) -> None:
    """Loss, KL and gradient norm are those of one process, and the two paths agree with each other.

    The processes have questions with different numbers of clips and pixels, and decode different numbers
    of tokens. The model that they save is whole. Sharded in bfloat16, log-probabilities and the
    sums of gradients are float32.
    """
    logs = run(command, tiny_folder, tmp_path)
    assert logs["kind"] == kind
    assert_alike(logs["shared"], logs["repeated"])
    if kind == "FSDP":
        assert logs["rounded"] == {"policy": False, "reference": False, "gradients": False}
    alone = tmp_path / "alone"
    assert_alike(logs["fixed"], fixed(tiny_folder, alone, 1))
    theirs, ours = (load_model(str(folder / "model"))[0] for folder in (tmp_path, alone))
    for (name, weight), (_, expected) in zip(
        theirs.named_parameters(), ours.named_parameters(), strict=True
    ):
        torch.testing.assert_close(weight, expected, rtol=1e-3, atol=1e-4, msg=name)
