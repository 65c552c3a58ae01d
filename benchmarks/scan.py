"""How a scan's time and memory grow with the number of files.

    uv run python benchmarks/scan.py                   # up to 10,000 files; all of it: --most 100000

Draws a few small videos and makes as many files of them as asked for, each with other bytes: a box that
no player reads, with a number in it, follows the video. For each power of ten, one process scans them
all into a table, decoding every frame, and then again, when nothing has changed. The limit is reading,
hashing and decoding the same files in one process without any of the bookkeeping.

Prints CPU milliseconds a file, of all processes, less what a scan of ten files takes (starting them,
loading libraries, which differs by a second from time to time and blurs the first row); MiB of memory at
the peak of the scanning process; and last the ratio of the time for each file, at the largest number, to
the limit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from videossr.procedural import write_videos
from videossr.threads import core_count
from videossr.video import probe

LEAST = 100

#: Files of the scan that says what starting costs: some for each process.
FEW = 10
STARTS = 5

SCAN = """
import json, resource, sys
from pathlib import Path
from videossr.engine import Local
from videossr.scan import scan_to_table
rows = scan_to_table(Path(sys.argv[1]), Path(sys.argv[2]), engine=Local(int(sys.argv[3])))
assert len(rows) == int(sys.argv[4]) and all(row.state == "ok" for row in rows)
used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
seconds = sum(usage.ru_utime + usage.ru_stime for usage in used)
# Not by getrusage, which counts what was there before this program was loaded.
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
print(json.dumps([seconds, peak]))
"""


def make_files(videos: list[bytes], folder: Path, count: int) -> None:
    """Files that differ in their last bytes, a thousand to a folder."""
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = f"{number:012d}".encode()
        box = (8 + len(content)).to_bytes(4, "big") + b"free" + content
        path.write_bytes(videos[number % len(videos)] + box)


def scanned(folder: Path, table: Path, count: int) -> tuple[float, float]:
    """Seconds, and MiB."""
    command = [sys.executable, "-c", SCAN, str(folder), str(table), str(core_count()), str(count)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds, memory = json.loads(ran.stdout)
    return seconds, memory


def main() -> None:
    """Measure each power of ten."""
    parser = argparse.ArgumentParser(description="Scans of ever more files.")
    parser.add_argument("--most", type=int, default=10_000)
    arguments = parser.parse_args()
    print(f"{'files':>8}{'ms a file':>12}{'again':>8}{'MiB':>8}{'again':>8}   limit, ms a file")
    each = {}
    with tempfile.TemporaryDirectory() as name:
        drawn = Path(name, "drawn")
        write_videos(drawn, 10, seed=0, seconds=1.0, fps=8.0, height=48, width=48)
        videos = [path.read_bytes() for path in sorted(drawn.iterdir())]
        few = Path(name, f"{FEW}")
        make_files(videos, few, FEW)
        starts = [scanned(few, Path(name, f"{FEW} {i}.parquet"), FEW)[0] for i in range(STARTS)]
        again = [scanned(few, Path(name, f"{FEW} {i}.parquet"), FEW)[0] for i in range(STARTS)]
        start, start_again = statistics.median(starts), statistics.median(again)
        print(f"{FEW} files: {start:.2f} s, again {start_again:.2f} s")
        count = LEAST
        while count <= arguments.most:
            folder, table = Path(name, f"{count}"), Path(name, f"{count}.parquet")
            make_files(videos, folder, count)
            first, memory = scanned(folder, table, count)
            second, memory_again = scanned(folder, table, count)
            each[count] = 1000 * (first - start) / (count - FEW)
            each_again = 1000 * (second - start_again) / (count - FEW)
            sample = sorted(folder.rglob("*.mp4"))[:LEAST]
            started = time.process_time()
            for path in sample:
                probe(path, thorough=True)
            limit = 1000 * (time.process_time() - started) / len(sample)
            print(
                f"{count:8}{each[count]:12.2f}{each_again:8.2f}{memory:8.0f}{memory_again:8.0f}"
                f"{limit:10.2f}"
            )
            count *= 10
    print(f"scan: {each[max(each)] / limit:.2f}")


if __name__ == "__main__":
    main()
