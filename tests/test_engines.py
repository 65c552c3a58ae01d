"""The same bytes by every engine: scan, build, export and a model's answers, by threads here and by a Ray cluster."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest

from videossr.benchmark import Benchmark
from videossr.build import build_to
from videossr.cli import main
from videossr.config import resolve
from videossr.dataset import Dataset
from videossr.engine import Engine, Local
from videossr.engine.ray import Ray
from videossr.export.exporting import export_dataset
from videossr.export.peers import peer_of
from videossr.export.shown import writer_of
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan_to_table
from videossr_trainers.answering import Decoding
from videossr_trainers.answering.choice import ModelOptions
from videossr_trainers.bench.apart import apart
from videossr_trainers.bench.asking import Here, Questions
from videossr_trainers.bench.conditions import CONDITIONS
from videossr_trainers.bench.running import run_benchmark
from videossr_trainers.models.tiny import save_tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TREE = {
    "video": {
        "num_frames": 8,
        "min_frames": 8,
        "max_pixels": 4096,
        "min_pixels": 1024,
        "spacing": 0.1,
    },
    "build": {"size": 24},
    "tasks": {"jigsaw": {"segments": 4}, "counting": {}},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos."""
    folder = tmp_path_factory.mktemp("videos")
    write_videos(folder, 4, seed=1, seconds=3, fps=12, height=72, width=96)
    return folder


@pytest.fixture(scope="module")
def ray() -> Iterator[Ray]:
    """An engine of two processes."""
    module = pytest.importorskip("ray", reason="Ray is an extra, and is not installed")
    module.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield Ray(2)
    module.shutdown()


def made(videos: Path, folder: Path, engine: Engine) -> dict[str, bytes]:
    """Every file of a table, a dataset and an export, with its name."""
    folder.mkdir()
    rows = scan_to_table(videos, folder / "videos.parquet", engine=engine)
    build_to(folder / "dataset", resolve(TREE), rows, videos, engine=engine)
    dataset = Dataset.load(folder / "dataset")
    peer, way = peer_of("verl", None)
    export_dataset(
        dataset,
        Renderer.for_dataset(dataset),
        folder / "export",
        peer,
        writer_of(way, jpeg_quality=None, video_crf=None, even=False),
        place=folder.parent / "there",
        engine=engine,
    )
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextmanager
def killing() -> Iterator[list[int]]:
    """Kills processes of the cluster while they work; gives those it has killed.

    Three at most: a piece of work at which a process dies for the fourth time is given up.
    """
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while len(killed) < 3 and not over.wait(1.5):
            for pid in places()[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            over.wait(4)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


@pytest.mark.slow
def test_engines_agree_and_ray_survives_a_kill(ray: Ray, videos: Path, tmp_path: Path) -> None:
    """Processes of the cluster are killed while they work; no byte differs."""
    here = made(videos, tmp_path / "local", Local(2))
    assert len(here) > 5
    with killing() as killed:
        there = made(videos, tmp_path / "ray", ray)
    assert killed
    assert here == there


@pytest.mark.slow
def test_a_model_answers_alike_on_a_cluster(ray: Ray, videos: Path, tmp_path: Path) -> None:
    """Questions, answers and scores are the same bytes, and a run that was ended goes on with the other engine."""
    build = ["bench", "build", "tiny", "--videos", str(videos), "-o", str(tmp_path / "bench"), "-q"]
    with pytest.raises(SystemExit) as stop:
        main([*build, "build.size=12"])
    assert not stop.value.code
    benchmark = Benchmark.load(tmp_path / "bench")
    recipes = benchmark.dataset.recipes
    model = save_tiny(tmp_path / "model", [recipe.question for recipe in recipes], seed=1)
    options = ModelOptions(str(model), batch_size=2, max_new_tokens=12)
    decoding = Decoding(options.max_new_tokens)
    renderer = Renderer.for_dataset(benchmark.dataset)
    questions = Questions(recipes, renderer, CONDITIONS)
    run = partial(run_benchmark, benchmark, tmp_path / "bench")

    run(Here(questions, options.answerer(), decoding, workers=2), tmp_path / "local")
    with killing() as killed, apart(ray, questions, options, decoding) as asker:
        whole = run(asker, tmp_path / "ray")
    assert killed
    assert whole
    assert 36 == whole.facts["session"]["asked"]["answers"]
    first = Questions(recipes, renderer, ("sighted",))
    with apart(ray, first, options, decoding) as asker:
        run(asker, tmp_path / "parts")
    rest = run(Here(questions, options.answerer(), decoding), tmp_path / "parts")
    assert rest
    assert 24 == rest.facts["session"]["asked"]["answers"]
    for name in ("questions.jsonl", "answers.jsonl", "baselines.jsonl", "scores.json"):
        texts = {(tmp_path / which / name).read_bytes() for which in ("local", "ray", "parts")}
        assert 1 == len(texts), name


def places() -> list[int]:
    """The processes in which Ray works for this one, and for no other test."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::_Place"):
                found.append(process.pid)
    return sorted(found)
