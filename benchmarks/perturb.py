"""What each perturbation costs against the decode of its clip.

    uv run python benchmarks/perturb.py VIDEO ...      # files; more repetitions: --repeat 9

For each video, CPU time in one thread, everything in turn within each repetition:

* decode: 48 frames over the whole video, at 256 x 256 or less. The limit: no sample can be had for less.
* each installed perturbation with its default settings, on segments of 16, 24 and all 48 frames. What it
  takes from the file besides is decoded before, so that it counts apart, as `more`.

24 frames are the longest segment that a question of the task `anomaly` has by default. Without a video it
draws six. The work is checked first: what comes out has the segment's shape, and is another picture.

Prints the share of the decode for each perturbation, medians over the videos and the worst video, and
last the worst median of all, on 24 frames.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from videossr import Clip, Footage, Segment, Unsuitable
from videossr.procedural import write_videos
from videossr.registry import Registry
from videossr.seeds import rng_for
from videossr.threads import one_torch_thread
from videossr.video import decode, target_times, timeline_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from videossr.facades import Perturbation

FRAMES = 48
LENGTHS = (16, 24, 48)

#: The length that the last line is about.
LONGEST = 24

#: Seconds of CPU that one reading takes at least: one call is over before the clock has moved.
READING_S = 0.02


def cpu(work: Callable[[], object], calls: int = 1) -> float:
    """CPU seconds of this process for one call."""
    before = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - before) / calls


class Video:
    """A file as a source of frames that keeps what it has decoded, and knows what that took."""

    def __init__(self, path: Path) -> None:
        self.path = path
        times = timeline_of(path).times
        self.first, self.last = float(times[0]), float(times[-1])
        self._kept: dict[tuple[float, float, int], Clip] = {}
        self.spent = 0.0

    def decode(self, start: float, stop: float, frames: int) -> Clip:
        """The frames, decoded anew."""
        wanted = target_times(start, stop, frames)
        return decode(self.path, wanted, max_pixels=65536, min_pixels=16384, multiple=32)

    def take(self, start: float, stop: float, frames: int) -> Clip:
        """The frames, decoded when they are asked for first."""
        key = (start, stop, frames)
        if key not in self._kept:
            before = time.process_time()
            self._kept[key] = self.decode(*key)
            self.spent += time.process_time() - before
        return self._kept[key]


class Subject:
    """A video, its clip, and what the perturbations do to it."""

    def __init__(self, video: Video, other: Video | None) -> None:
        self.video = video
        self.clip = self.whole()
        self.footage = Footage(video, other)
        self._sources = [source for source in (video, other) if source]

    def whole(self) -> Clip:
        """The clip, decoded anew."""
        return self.video.decode(self.video.first, self.video.last, FRAMES)

    def segment(self, length: int) -> Clip:
        """A segment in the middle."""
        start = (FRAMES - length) // 2
        return self.clip.cut(Segment(start, start + length))

    def apply(self, perturbation: Perturbation, length: int) -> object:
        """The altered frames."""
        rng = rng_for("benchmark", perturbation.name)
        return perturbation.apply(self.segment(length), rng=rng, footage=self.footage)

    def more(self, perturbation: Perturbation, length: int) -> float | None:
        """CPU seconds of what it decodes besides, None where it does not suit; and a look at the work."""
        before = sum(source.spent for source in self._sources)
        try:
            after = self.apply(perturbation, length)
        except Unsuitable:
            return None
        segment = self.segment(length).frames
        if after.shape != segment.shape or after.equal(segment):
            raise SystemExit(f"{perturbation.name} does nothing to {self.video.path}")
        return sum(source.spent for source in self._sources) - before


def measured(
    subject: Subject, perturbations: list[Perturbation], repeat: int
) -> tuple[float, dict[tuple[str, int], float], dict[tuple[str, int], float]]:
    """CPU seconds of the decode, of each perturbation on each length, and of what it decodes besides."""
    work: dict[tuple[str, int], Callable[[], object]] = {}
    more: dict[tuple[str, int], float] = {}
    for perturbation in perturbations:
        for length in LENGTHS:
            extra = subject.more(perturbation, length)
            if extra is not None:
                key = (perturbation.name, length)
                more[key] = extra
                work[key] = lambda p=perturbation, n=length: subject.apply(p, n)
    calls = {key: max(1, round(READING_S / max(1e-4, cpu(one)))) for key, one in work.items()}
    spent: dict[tuple[str, int], list[float]] = {key: [] for key in work}
    decodes = []
    for _ in range(repeat):
        decodes.append(cpu(subject.whole))
        for key, one in work.items():
            spent[key].append(cpu(one, calls[key]))
    return statistics.median(decodes), {k: statistics.median(v) for k, v in spent.items()}, more


def videos_given(paths: list[Path], folder: Path) -> list[Path]:
    """The files to measure on: those named, all of `VIDEOSSR_TEST_VIDEOS`, or six that are drawn."""
    if paths:
        return paths
    tests = os.environ.get("VIDEOSSR_TEST_VIDEOS")
    if tests:
        return sorted(p for p in Path(tests).iterdir() if p.is_file() and p.suffix != ".md")
    write_videos(folder, 6, seed=0, seconds=10.0, fps=30.0, height=480, width=640)
    return sorted(folder.glob("*.mp4"))


def main() -> None:
    """Measure every perturbation on every video."""
    parser = argparse.ArgumentParser(description="Perturbations against decoding.")
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    registry = Registry()
    perturbations = [
        registry.perturbation(origin.name, registry.schema(origin.name)())
        for origin in registry.origins()
        if origin.kind == "perturbation" and origin.state == "enabled"
    ]
    shares: dict[tuple[str, int], list[float]] = {}
    extra: dict[tuple[str, int], list[float]] = {}
    console = Console(width=110, file=sys.stdout)
    with one_torch_thread(), tempfile.TemporaryDirectory() as folder:
        videos = [Video(path) for path in videos_given(arguments.videos, Path(folder))]
        for number, video in enumerate(videos):
            other = videos[(number + 1) % len(videos)] if len(videos) > 1 else None
            subject = Subject(video, other)
            if len(subject.clip) < FRAMES:
                print(f"left out: {video.path}: {len(subject.clip)} frames", file=sys.stderr)
                continue
            decoded, spent, more = measured(subject, perturbations, arguments.repeat)
            for key, seconds in spent.items():
                shares.setdefault(key, []).append(seconds / decoded)
                extra.setdefault(key, []).append(more[key] / decoded)
            longest = {k: s for k, s in spent.items() if k[1] == LONGEST}
            worst, seconds = max(longest.items(), key=lambda item: item[1])
            console.print(
                f"{video.path.name[:40]}: {subject.clip.width} x {subject.clip.height}, decode "
                f"{1000 * decoded:.0f} ms; dearest {worst[0]} {1000 * seconds:.1f} ms on {LONGEST} frames"
            )
    columns = [f"{length} frames" for length in LENGTHS]
    table = Table("perturbation", *columns, f"worst video, {LONGEST}", "more", "videos", box=None)
    for name in dict.fromkeys(name for name, _ in shares):
        medians = [
            f"{statistics.median(shares[name, n]):.4f}" if (name, n) in shares else ""
            for n in LENGTHS
        ]
        ratios, besides = shares.get((name, LONGEST), []), extra.get((name, LONGEST), [])
        table.add_row(
            name,
            *medians,
            f"{max(ratios):.4f}" if ratios else "",
            f"{statistics.median(besides):.2f}" if any(besides) else "",
            f"{len(ratios)}",
        )
    console.print(table)
    worst_share = max(statistics.median(shares[key]) for key in shares if key[1] == LONGEST)
    print(f"perturb: {worst_share:.3f}")


if __name__ == "__main__":
    main()
