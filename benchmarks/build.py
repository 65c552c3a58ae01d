"""Planning VideoSSR-30K from a table of 30,000 videos: seconds, memory, and bytes on disk.

    uv run python benchmarks/build.py

The limit is what any writer of recipes has to do: hash a seed and a key for each question, and write as many
rows of the same columns with the same codec. Both are checked to have written as many rows. Planning runs in a
process of its own for each size, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from videossr.build import build_to
from videossr.config import load_config
from videossr.dataset import Dataset
from videossr.seeds import derive_seed
from videossr.video_table import VideoRow, read_table, write_table

ROOT = Path("/videos")


def main() -> None:
    """Measure each size, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=30_000, help="videos in the table")
    parser.add_argument("--sizes", type=int, nargs="+", default=[3_000, 30_000, 300_000])
    parser.add_argument("--one", nargs=2, metavar=("TABLE", "SIZE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(Path(arguments.one[0]), int(arguments.one[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "videos.parquet")
        write_table(map(made_up, range(arguments.videos)), table, ROOT)
        print(
            f"preset videossr_30k, a table of {arguments.videos:,} videos, {os.cpu_count()} cores"
        )
        print(f"{'questions':>10} {'seconds':>8} {'of limit':>9} {'MB':>7} {'MiB of memory':>14}")
        ratios = {}
        for size in arguments.sizes:
            command = [sys.executable, __file__, "--one", str(table), str(size)]
            # Floors are measured anew each time: a cache would hide their cost.
            env = {**os.environ, "VIDEOSSR_CACHE": str(Path(folder, f"cache {size}"))}
            told = json.loads(
                subprocess.run(command, check=True, stdout=subprocess.PIPE, env=env).stdout
            )
            ratios[size] = told["seconds"] / told["limit"]
            print(
                f"{size:>10,} {told['seconds']:>8.1f} {ratios[size]:>9.1f} {told['megabytes']:>7.2f} "
                f"{told['memory']:>14.0f}"
            )
    print(f"build: {ratios[arguments.sizes[-1]]:.2f}")


def made_up(number: int) -> VideoRow:
    """A video as a scan would find it, of 10 to 310 seconds, at 24, 25 or 30 frames a second."""
    draw = derive_seed("made-up video", number)
    fps = (24.0, 25.0, 30.0)[draw % 3]
    frames = 240 + draw // 3 % 7200
    return VideoRow(
        path=f"shard_{number % 100:02}/clip_{draw:016x}.mp4",
        state="ok",
        bytes=1_000_000,
        checked="all",
        hash=xxhash.xxh3_128_hexdigest(str(number).encode()),
        last=(frames - 1) / fps,
        duration=frames / fps,
        frames=frames,
        fps=fps,
        height=(360, 720, 1080)[draw % 7 % 3],
        width=(640, 1280, 1920)[draw % 7 % 3],
        codec="h264",
        pixel_format="yuv420p",
    )


def measure(table: Path, size: int) -> dict[str, float]:
    """Plan so many questions, and do the least that it takes to write them."""
    with tempfile.TemporaryDirectory() as folder:
        config = load_config("videossr_30k", [f"build.size={size}"])
        before = time.perf_counter()
        rows, root = read_table(table)
        summary = build_to(Path(folder, "dataset"), config, rows, root)
        seconds = time.perf_counter() - before
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        written = sum(file.stat().st_size for file in Path(folder, "dataset").iterdir())
        dataset = Dataset.load(Path(folder, "dataset"))
        assert summary.questions == len(dataset.recipes) == size
        assert summary.asked[1] - summary.asked[0] <= 1
        columns = pq.read_schema(Path(folder, "dataset", "recipes.parquet"))
        limit = least(dataset, columns, Path(folder, "least.parquet"))
    return {"seconds": seconds, "limit": limit, "megabytes": written / 1e6, "memory": memory}


def least(dataset: Dataset, columns: pa.Schema, path: Path) -> float:
    """Seconds to hash as much and write as many rows."""
    rows = [asdict(recipe) for recipe in dataset.recipes]
    before = time.perf_counter()
    for row in rows:
        derive_seed(0, row["task"], "1", row["video_hash"], row["index"], "0.5")
        xxhash.xxh3_128_hexdigest(row["video_hash"].encode())
    pq.write_table(pa.Table.from_pylist(rows, columns), path, compression="zstd")
    seconds = time.perf_counter() - before
    assert len(rows) == pq.read_metadata(path).num_rows
    return seconds


if __name__ == "__main__":
    main()
