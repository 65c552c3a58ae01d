"""A run that is killed at random steps, laid over one that was left alone.

    uv run python benchmarks/kill_and_resume.py                          # one process, kill_and_resume.png
    uv run python benchmarks/kill_and_resume.py --processes 2 --workers 2

Trains the tiny model twice with one configuration, a warm start and GRPO on two tasks. One of them pays for
digits, which a model of random weights can learn in a few steps, and its difficulty follows the rewards. One run is left alone. The other is killed by SIGKILL, loaders and all, at
moments drawn at random, and goes on each time by `--resume`. Everything that both have measured at a step
has to be the same, bit for bit, and every step there once; times and counts of time are left out.

Prints where it was killed and from where it went on, the largest difference, and last how many steps the
killed run took for each step that it needed; that line is missing, and the exit code is 1, where a process
ended otherwise than by its kill, or anything differs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "trainers" / "tests"))
from small_runs import DIGITS

from videossr.procedural import write_videos

#: What differs between two runs of the same: how long things took.
TIMES = ("step_time", "data_wait", "data_wait_s", "seconds")

CONFIG = """
extends: tiny
plugins: {{folders: [loose]}}
video: {{num_frames: 4, min_frames: 4}}
build: {{size: 48, refill: true}}
tasks:
  anomaly: {{enabled: false}}
  counting: {{weight: 0.3}}
  jigsaw: {{enabled: false}}
  digits:
    weight: 0.7
    difficulty: {{kind: adaptive, window: 4, step: 0.05, target: [0.6, 0.9]}}
warm_start: {{steps: {warm}, batch_size: 4, save_steps: 5}}
grpo:
  questions_per_step: 8
  questions_per_device: 2
  num_generations: 4
  max_completion_length: 6
  learning_rate: 1.0e-3
  beta: 0.01
  max_steps: {steps}
  save_steps: 5
  loader_workers: {workers}
"""


def command(run: Path, arguments: argparse.Namespace) -> list[str]:
    """The command line that trains."""
    launcher = [sys.executable, "-m"]
    if arguments.processes > 1:
        launcher += ["torch.distributed.run", "--standalone", "--nproc-per-node"]
        launcher += [str(arguments.processes), "-m"]
    words = ["videossr", "train", str(run.parent / "run.yaml")]
    words += ["--dataset", str(run.parent / "dataset"), "-o", str(run)]
    return [*launcher, *words, "-q", "--resume"]


def lines(run: Path) -> list[dict[str, Any]]:
    """What a run has measured so far; a line that is being written is left out."""
    path = run / "metrics.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all below it, with no time to say good-bye."""
    family = psutil.Process(process.pid).children(recursive=True)
    for one in [psutil.Process(process.pid), *family]:
        with_luck(one)
    process.wait()
    psutil.wait_procs(family)


def with_luck(process: psutil.Process) -> None:
    """Kill a process that may be gone already."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def newest(run: Path) -> str:
    """The checkpoint that a run goes on from."""
    for folder, stage in (("checkpoints", "grpo"), ("warm_start_checkpoints", "warm start")):
        steps = [int(p.name.split("-")[1]) for p in (run / folder).glob("checkpoint-*")]
        if steps:
            return f"{stage} {max(steps)}"
    return "grpo 0" if (run / "warm_start").exists() else "warm start 0"


def killed(
    run: Path, arguments: argparse.Namespace, warm: int
) -> tuple[list[tuple[str, str]], int]:
    """Train in bits and pieces: where it was killed and went on from, and the steps taken in all."""
    chance = random.Random(arguments.seed)  # noqa: S311 - reproducible, not secret
    grpo = range(warm + 1, warm + arguments.steps)
    moments = [chance.randrange(1, warm), *sorted(chance.sample(grpo, arguments.kills - 1))]
    fates, taken = [], 0
    for moment in [*moments, None]:
        before = len(lines(run))
        with subprocess.Popen(command(run, arguments)) as process:
            last = before
            while process.poll() is None:
                done = len(lines(run))
                taken += max(0, done - last) if done >= last else 0
                last = done
                if moment is not None and done >= moment:
                    time.sleep(chance.random() * 0.5)  # somewhere in the step after
                    kill(process)
        wanted = 0 if moment is None else -signal.SIGKILL
        if process.returncode != wanted:
            raise SystemExit(f"the run ended with {process.returncode}, and not with {wanted}")
        left = lines(run)
        taken += max(0, len(left) - last)
        if moment is not None:
            where = f"{left[-1]['stage']} {left[-1]['step']}"
            fates.append((where, newest(run)))
            print(f"killed after {where}, goes on from {fates[-1][1]}", flush=True)
    return fates, taken


def apart(one: float, other: float) -> float:
    """How far two figures differ; what is not a number is as another of its kind, and far from all else."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    return math.inf if math.isnan(one - other) else abs(one - other)


def difference(alone: list[dict[str, Any]], resumed: list[dict[str, Any]]) -> tuple[float, str]:
    """The largest difference in anything measured, and where it is."""
    places = [[(line["stage"], line["step"]) for line in one] for one in (alone, resumed)]
    assert places[0] == places[1], "not the same steps, each once and in order"
    largest, where = 0.0, "nowhere"
    for left, right in zip(alone, resumed, strict=True):
        assert left.keys() == right.keys()
        for name in left.keys() - {"stage", "step", *TIMES}:
            found = apart(left[name], right[name])
            if found > largest:
                largest, where = found, f"{name} at {left['stage']} {left['step']}"
    return largest, where


def draw(
    alone: list[dict[str, Any]],
    resumed: list[dict[str, Any]],
    fates: list[tuple[str, str]],
    title: str,
    path: Path,
) -> None:
    """Both curves, one over the other, with the places where the run was killed."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    panels = [("warm start", "loss"), ("grpo", "loss"), ("grpo", "grad_norm"), ("grpo", "reward")]
    panels.append(("grpo", "difficulty/digits"))
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(9, 2.3 * len(panels)), layout="constrained"
    )
    for axis, (stage, name) in zip(axes, panels, strict=True):
        for log, style in (
            (alone, {"color": "tab:orange", "linewidth": 5, "alpha": 0.6, "label": "left alone"}),
            (resumed, {"color": "black", "linewidth": 1.2, "label": "killed and resumed"}),
        ):
            points = [
                (line["step"], line[name])
                for line in log
                if line["stage"] == stage and name in line
            ]
            axis.plot(*zip(*points, strict=True), **style)
        for number, (where, source) in enumerate(fates):
            at, step = where.rsplit(" ", 1)
            if at == stage:
                axis.axvline(
                    int(step),
                    color="tab:red",
                    linestyle="--",
                    linewidth=1,
                    label="killed" if not number else None,
                )
            back, begun = source.rsplit(" ", 1)
            if back == stage:
                axis.axvline(
                    int(begun),
                    color="tab:green",
                    linestyle=":",
                    linewidth=1,
                    label="resumed from" if not number else None,
                )
        axis.set_ylabel(f"{stage}\n{name}")
        axis.margins(x=0.01)
    axes[0].legend(loc="upper right", fontsize=8)
    axes[0].set_title(title)
    axes[-1].set_xlabel("step")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Train both, compare, and draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="loader processes of each process")
    parser.add_argument("--steps", type=int, default=40, help="of GRPO; half as many of warm start")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--png", type=Path, default=Path("kill_and_resume.png"))
    arguments = parser.parse_args()
    warm = arguments.steps // 2
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_videos(folder / "videos", 6, seed=0, seconds=4, fps=8, height=64, width=64)
        (folder / "loose").mkdir()
        os.environ["VIDEOSSR_PLUGINS_TRUST"] = str(folder)
        (folder / "loose" / "digits.py").write_text(DIGITS)
        text = CONFIG.format(warm=warm, steps=arguments.steps, workers=arguments.workers)
        (folder / "run.yaml").write_text(text)
        build = ["build", "run.yaml", "--videos", "videos", "-o", "dataset", "-q"]
        subprocess.run([sys.executable, "-m", "videossr", *build], cwd=folder, check=True)
        left_alone, cut = folder / "left_alone", folder / "killed"
        subprocess.run(command(left_alone, arguments), check=True)
        fates, taken = killed(cut, arguments, warm)
        alone, resumed = lines(left_alone), lines(cut)
        largest, where = difference(alone, resumed)
        title = (
            f"{arguments.processes} process(es), {arguments.workers} loader worker(s) each, "
            f"{len(fates)} kills; largest difference {largest:.3g}"
        )
        draw(alone, resumed, fates, title, arguments.png)
        measured = sum(len(line) for line in alone)
        print(f"{len(alone)} steps, {measured} figures; largest difference {largest:.3g} ({where})")
        print(f"drawn: {arguments.png}")
        if largest:
            raise SystemExit("the killed run does not measure what the other does")
        print(f"kill_and_resume: {taken / len(alone):.2f}")


if __name__ == "__main__":
    main()
