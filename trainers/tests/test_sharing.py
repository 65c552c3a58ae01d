"""Commands that ask a model, by two processes: each asks its share, and one reports on all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_answerers import Says
from small_runs import make_folder

from videossr.cli.app import main
from videossr_trainers.answering.choice import ModelOptions


@pytest.mark.slow
def test_questions_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No question is asked twice, the files are those of one process alone, and an error is told once."""
    make_folder(tmp_path)
    videos, dataset = tmp_path / "videos", str(tmp_path / "dataset")
    names = sorted(path.name for path in videos.iterdir())
    rows = [
        {"video": names[n % 2], "question": f"{n}?", "options": ["a", "b"], "answer": "AB"[n % 2]}
        for n in range(5)
    ]
    whole, torn, faulty = (tmp_path / f"{name}.json" for name in ("whole", "torn", "faulty"))
    whole.write_text(json.dumps(rows))
    torn.write_text(json.dumps([*rows, {**rows[0], "video": "gone.mp4"}]))
    # The last by video, and so in the share of the second process.
    faulty.write_text(json.dumps([*rows, {**rows[1], "question": "Too much?"}]))

    def commands(runs: Path) -> list[list[str]]:
        model = ["--model", "fake", "--videos", str(videos)]
        several = ["-n", "2", "--scorer", "choice"]
        return [
            ["eval", "vqa", str(torn), "-o", str(runs / "eval"), *model],
            ["diagnose", str(whole), "-o", str(runs / "diagnose"), *several, *model],
            ["eval", "vqa", str(faulty), "-o", str(runs / "faulty"), *model],
            # There is no such folder, and nobody waits for those who know.
            ["eval", "vqa", str(whole), "-o", str(runs / "none"), *model[:3], str(tmp_path / "no")],
            ["bench", "run", dataset, "-o", str(runs / "bench"), *model[:2]],
            # The folder holds another run.
            ["bench", "run", dataset, "-o", str(runs / "bench"), *model[:2], "--max-new-tokens=5"],
            ["bench", "run", dataset, "-o", str(runs / "faulty_bench"), "--model", "faulty"],
        ]

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = str(Path(__file__).with_name("commands_on_two.py"))
    two = tmp_path / "two"
    started = [
        subprocess.Popen(
            [sys.executable, script, str(tmp_path), *map(json.dumps, commands(two))],
            env=os.environ
            | {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "CUDA_VISIBLE_DEVICES": "",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert first["codes"] == [1, 0, 1, 2, 0, 2, 1]
    assert second["codes"] == [0, 0, 1, 2, 0, 2, 1]
    # Of five questions, sorted by video, two and three.
    assert first["asked"][:2] == [["0?", "2?"]] * 2
    assert second["asked"][:2] == [["4?", "1?", "3?"]] * 2
    # Of sixteen questions about pictures, shown in three ways; where the folder is refused, none.
    for process in (first, second):
        assert [len(asked) for asked in process["asked"][3:5]] == [24, 0]
    assert told[1][0] == ""
    for words, times in (
        ("no such folder of videos", 1),
        ("--max-new-tokens: 64 in ", 1),
        ("a fault that one process meets", 2),
    ):
        assert [err.count(words) for _, err in told] == [times, 0]
    assert ["asking" in err for _, err in told] == [True, False]

    says = Says(lambda asked, number: "Z" if number else asked.sample.answer[0])
    monkeypatch.setattr(ModelOptions, "answerer", lambda self, cache=None: says)
    one = tmp_path / "one"
    for words in [*commands(one)[:2], commands(one)[4]]:
        with pytest.raises(SystemExit):
            main([*words, "-q"])
    for name in ("eval", "diagnose"):
        assert results(two / name) == results(one / name)
    names = ["questions.jsonl", "answers.jsonl", "baselines.jsonl", "scores.json"]
    for name in ("eval/rows.csv", *(f"bench/{name}" for name in names)):
        assert (two / name).read_bytes() == (one / name).read_bytes()


def results(run: Path) -> Any:  # noqa: ANN401 - JSON
    """What came of a run, in whatever time."""
    tree = json.loads((run / "results.json").read_text())
    for name in ("seconds", "rates"):
        del tree["how"]["session"][name]
    return tree
