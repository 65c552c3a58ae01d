"""The same bytes by every engine: a scan, a build and an export, by threads here and by a Ray cluster."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from videossr.build import build_to
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


@pytest.mark.slow
def test_engines_agree_and_ray_survives_a_kill(ray: Ray, videos: Path, tmp_path: Path) -> None:
    """A process of the cluster is killed again and again while it works; no byte differs."""
    here = made(videos, tmp_path / "local", Local(2))
    assert len(here) > 5
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(1.5):
            for pid in places()[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(4)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        there = made(videos, tmp_path / "ray", ray)
    finally:
        over.set()
        killer.join()
    assert killed
    assert here == there


def places() -> list[int]:
    """The processes in which Ray works."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or [""]
        if words[0].startswith("ray::_Place"):
            found.append(process.info["pid"])
    return sorted(found)
