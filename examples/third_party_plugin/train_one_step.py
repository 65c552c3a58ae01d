"""One GRPO step of this task, from videos drawn by code to the reward in the log, as a user runs it.

    python train_one_step.py FOLDER

needs videossr with its trainers and tasks, and this package, all installed. FOLDER must not exist.
It takes a minute or two on two cores. The warm start is just long enough for some answers to have the
right form: where none has, all rewards are 0, and a step of GRPO has nothing to learn from.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from videossr.procedural import write_videos

CONFIG = Path(__file__).parent / "speed.yaml"


def videossr(*words: object) -> None:
    """Run a command of videossr, shown first."""
    command = ["videossr", *map(str, words)]
    print("$", *command, flush=True)
    subprocess.run(command, check=True)


folder = Path(sys.argv[1])
folder.mkdir(parents=True)
videos, table, dataset, run = (folder / x for x in ("videos", "videos.parquet", "dataset", "run"))

write_videos(videos, 12, seed=0, seconds=8, fps=8, height=96, width=96)
videossr("scan", videos, "-o", table)
videossr("build", CONFIG, "--videos", table, "-o", dataset)
settings = ["warm_start.steps=60", "warm_start.warmup_steps=10", "grpo.max_steps=1"]
videossr("train", CONFIG, "--dataset", dataset, "-o", run, *settings)

*warm_start, step = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
assert [entry["stage"] for entry in warm_start] == ["warm start"] * 60
assert step["stage"] == "grpo"
assert step["grad_norm"] > 0
for task in ("playback_speed", "jigsaw"):
    reward = step[f"reward/{task}"]
    assert 0 < reward < 1
    assert step[f"zero_variance/{task}"] < 1
    print(f"{task}: mean reward {reward:.3f} at the first step of GRPO")
assert any((run / "model").iterdir())
