"""The commands of the README, from the shell, as a user would run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from videossr.dataset import Dataset
from videossr.video_table import read_table

REAL_CLIPS = Path(
    os.environ.get("VIDEOSSR_TEST_VIDEOS", Path(__file__).parents[1] / ".." / "shared" / "videos")
)


def videossr(*words: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command and check its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "videossr", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    return done


@pytest.mark.slow
def test_demo_ends_with_its_report(tmp_path: Path) -> None:
    """The whole loop runs, and its last line names a report that holds all it promises."""
    folder = tmp_path / "demo"
    done = videossr("demo", "--quick", "-o", folder)
    report = folder / "report.html"
    assert done.stdout.splitlines()[-1] == f"report: {report}"
    page = report.read_text(encoding="utf-8")
    for promised in (
        "anomaly",
        "counting",
        "jigsaw",
        "wrong video",
        "Blind",
        "data:video/mp4;base64,",
    ):
        assert promised in page
    held_out = Dataset.load(folder / "held_out")
    answers = json.loads((folder / "answers.json").read_text())
    assert len(answers) == 2 * 3 * len(held_out.recipes)
    training = {recipe.video_hash for recipe in Dataset.load(folder / "train").recipes}
    assert training.isdisjoint(recipe.video_hash for recipe in held_out.recipes)
    log = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    stages = [json.loads(line)["stage"] for line in log]
    assert stages == ["warm start"] * 3 + ["grpo"] * 2
    assert "exists already" in videossr("demo", "-o", folder, expect=2).stderr


def five_in_six(folder: str, names: list[str]) -> list[str]:
    """Of a folder's files, those to leave out."""
    files = sorted(name for name in names if Path(folder, name).is_file())
    return [name for number, name in enumerate(files) if number % 6]


@pytest.mark.slow
@pytest.mark.skipif(not REAL_CLIPS.is_dir(), reason=f"no real clips in {REAL_CLIPS}")
def test_real_clips_from_scan_to_trained_model(tmp_path: Path) -> None:
    """`scan`, `build` and `train` on a folder of real videos, hostile ones among them.

    On some of them: core/tests/test_real_videos.py scans all.
    """
    videos = tmp_path / "videos"
    shutil.copytree(REAL_CLIPS, videos, ignore=five_in_six, copy_function=shutil.copy)
    table, dataset, run = tmp_path / "videos.parquet", tmp_path / "dataset", tmp_path / "run"
    before = {path: path.stat().st_mtime_ns for path in videos.rglob("*")}
    videossr("scan", videos, "-o", table)
    states = {row.state for row in read_table(table)[0]}
    assert states == {"ok", "quarantined"}
    videossr("build", "tiny", "--videos", table, "-o", dataset, "build.size=32")
    steps = ["warm_start.steps=2", "grpo.max_steps=2"]
    done = videossr("train", "tiny", "--dataset", dataset, "-o", run, "build.size=32", *steps)
    assert done.stdout.splitlines()[-1] == f"trained model: {run / 'model'}"
    assert {path: path.stat().st_mtime_ns for path in videos.rglob("*")} == before
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["warm start", "warm start", "grpo", "grpo"]
    assert {name for name in lines[-1] if name.startswith("normalised/")} == {
        "normalised/anomaly",
        "normalised/counting",
        "normalised/jigsaw",
    }
    again = tmp_path / "again"
    videossr("build", "tiny", "--videos", table, "-o", again, "build.size=32", "--workers", 1)
    for name in ("recipes.parquet", "dataset.json"):
        assert (again / name).read_bytes() == (dataset / name).read_bytes()
