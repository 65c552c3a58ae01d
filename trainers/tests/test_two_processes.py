"""What is recorded of two processes is what one process would have recorded of all questions."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from videossr_trainers.rollouts.stored import read_rollouts

#: Where modules lie that tests share.
HELPERS = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "core" / "tests")]

#: One process of two. The first has three groups of one task, the second one of it and one of another.
PROCESS = """
import json, os, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
from pathlib import Path
from types import SimpleNamespace

import torch
from accelerate import PartialState
from plain_recipes import plain_recipe
from toy_tasks import FLOORS, exact_tasks
from videossr import Clip, Sample
from videossr.sample import question_prompt
from videossr_trainers.rollouts.recording import Recording, RolloutRecorder
from videossr_trainers.rollouts.rewards import TaskReward
from videossr_trainers.rollouts.waiting import DataWait

process = PartialState(cpu=True)
tasks = exact_tasks()
ours = [["even"] * 3, ["even", "odd", "odd"]][process.process_index]
texts = [["22", "22"] * 3, ["5", "5", "22", "5", "5", "5"]][process.process_index]
first = 3 * process.process_index
clip = Clip(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.arange(2).double())
reward = TaskReward(tasks, num_generations=2)
reward(
    completions=[[{"content": text}] for text in texts],
    completion_ids=[[1] * len(text) for text in texts],
    recipe=[plain_recipe(name, first + i) for i, name in enumerate(ours) for _ in range(2)],
    sample=[Sample(question_prompt(None, "?"), (clip,), "22")] * 6,
    substituted=[False] * 6,
    log_metric=None,
)
logged = {}
run = Path(sys.argv[2])
recorder = RolloutRecorder(
    reward,
    FLOORS,
    Recording(run, samples_every=1),
    log=logged.__setitem__,
    advantages=lambda: [float(i) for i in range(12)],
)
state = SimpleNamespace(global_step=7, is_world_process_zero=process.is_main_process)
recorder.on_step_end(None, state, None)

now = [0.0]
wait = DataWait(logged.__setitem__, lambda: now[0])
wait.around(lambda: now.__setitem__(0, 1.0 + process.process_index))()
now[0] = 8.0
wait.on_step_end(None, state, None)
(run / f"process_{process.process_index}.json").write_text(json.dumps(logged))
process.destroy_process_group()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that both processes have recorded to."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, os.pathsep.join(HELPERS), str(folder)],
            env={
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "CUDA_VISIBLE_DEVICES": "",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate(timeout=300)[1] for process in started]
    assert [0, 0] == [process.returncode for process in started], told
    return folder


@pytest.mark.slow
def test_curves_are_means_over_all_questions(run: Path) -> None:
    """Also of a task that one process has not seen; and both processes know the same.

    By hand: `even` earns 1 in three groups of one process and 0 in one of the other, so 3 / 4 and not the
    mean of the processes, a half. `odd` earns 1 in one of four answers.
    """
    first, second = (json.loads((run / f"process_{i}.json").read_text()) for i in range(2))
    assert first == second
    assert 0.75 == first["reward/even"]
    assert 0.5 == first["normalised/even"]
    assert 1.0 == first["zero_variance/even"]
    assert 0.25 == first["reward/odd"]
    assert 0.5 == first["zero_variance/odd"]
    assert pytest.approx(0.5 / 2**0.5) == first["reward_std/odd"]


@pytest.mark.slow
def test_the_slowest_loader_holds_up_the_step(run: Path) -> None:
    """By hand: of 8 s one process waited 1 s and the other 2 s."""
    logged = json.loads((run / "process_0.json").read_text())
    assert (2.0, 0.25) == (logged["data_wait_s"], logged["data_wait"])


@pytest.mark.slow
def test_rollouts_of_all_processes_are_in_one_file(run: Path) -> None:
    """In the order of the processes, each with its own advantage."""
    (path,) = (run / "rollouts").iterdir()
    found = read_rollouts(path)
    assert [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5] == [one.index for one in found]
    assert list(range(12)) == [one.advantage for one in found]
    assert ["even"] * 8 + ["odd"] * 4 == [one.task for one in found]


@pytest.mark.slow
def test_the_process_that_has_the_frames_draws_them(run: Path) -> None:
    """The other task's first question is the second process's, and is shown like the rest."""
    assert [
        f"step_000007_{name}" for name in ("even.json", "even.png", "odd.json", "odd.png")
    ] == sorted(path.name for path in (run / "samples").iterdir())
    facts = json.loads((run / "samples" / "step_000007_odd.json").read_text())
    assert (4, [8.0, 9.0]) == (facts["index"], [one["advantage"] for one in facts["completions"]])
