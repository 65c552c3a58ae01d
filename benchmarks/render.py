"""What a sample costs beyond its decode, what sharing a decode saves, and what a store saves.

    uv run python benchmarks/render.py FOLDER          # of videos; several repetitions: --repeat 5

For each clip, CPU time in one thread, everything in turn within each repetition:

* decode: 48 frames over the whole clip, at 256 x 256 or less. The limit: no sample can be had for less.
* one sample: decode, perturb, assemble, by the recipe of each installed task in turn.
* three samples of one clip, by one renderer, which decodes once.
* read again from a clip store, exact and JPEG.

And in wall clock time, once: the same clips decoded by one thread, and by two.

The work is checked first: samples carry the answers that the recipes promise, clips from the store have
the pixels that went in. Prints ratios, medians over the clips, and last that of a sample to its decode.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from videossr import Unsuitable
from videossr.build import build
from videossr.clip_store import ClipStore, Form, as_shown
from videossr.clips import Clips, Excerpt
from videossr.config import RunConfig, VideoConfig, load_config
from videossr.errors import DatasetError
from videossr.render import Renderer
from videossr.scan import scan
from videossr.threads import one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videossr.dataset import Recipe
    from videossr.video_table import VideoRow

FORMS: tuple[Form, ...] = ("exact", "jpeg")

#: Each has one question about every clip.
TASKS = ("anomaly", "counting", "jigsaw")

#: Shorter sides of pictures for which the project has made promises.
CLASSES = {480: "480p", 720: "720p"}


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


class Subject:
    """One clip, and a recipe of each task about it."""

    def __init__(self, row: VideoRow, root: Path, config: RunConfig, folder: Path) -> None:
        self.row = row
        self.root = root
        self.config = config
        self.recipes = build(config, [row], root).recipes
        self.turns = cycle(self.recipes)
        self.excerpt: Excerpt = self.recipes[0].excerpt
        self.clip = self.decode()
        self.stores = {}
        for form in FORMS:
            store = ClipStore(folder / form, max_bytes=2**40)
            store.put(self.key, self.clip, form)
            if store.get(self.key) != as_shown(self.clip, form):
                raise SystemExit(f"{row.path}: the store gives another clip")
            self.stores[form] = store

    @property
    def key(self) -> str:
        """The clip's name in a store."""
        return self.excerpt.key(self.config.video)

    def decode(self):  # noqa: ANN201 - a clip
        """The frames, by nothing that remembers any."""
        return Clips(self.config.video, self.root, cache_bytes=0).get(self.excerpt)

    def render(self, recipes: Sequence[Recipe]) -> None:
        """Samples, by a renderer that has seen nothing yet."""
        renderer = Renderer(self.config, self.root)
        for recipe in recipes:
            renderer.render(recipe)

    def one(self) -> None:
        """A sample of one task, each time of the next one."""
        self.render([next(self.turns)])

    def work(self) -> dict[str, Callable[[], object]]:
        """What is measured."""
        reading = {form: partial(store.get, self.key) for form, store in self.stores.items()}
        return {
            "decode": self.decode,
            "one": self.one,
            "three": partial(self.render, self.recipes),
            **reading,
        }


def subjects(rows: list[VideoRow], root: Path, config: RunConfig, folder: Path) -> list[Subject]:
    """The clips that can carry a question of each task.

    Raises:
        SystemExit: there is none.
    """
    found = []
    for row in rows:
        if row.state != "ok":
            continue
        try:
            found.append(Subject(row, root, config, folder))
        except (DatasetError, Unsuitable) as error:
            print(f"left out: {row.path}: {error}", file=sys.stderr)
    if not found:
        raise SystemExit(f"{root}: no clip carries a question of each task")
    return found


def seconds_with(threads: int, subjects: list[Subject]) -> float:
    """Wall clock seconds in which so many threads decode all clips."""
    started = time.perf_counter()
    # The longest first, so that no thread is left alone with it at the end.
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(Subject.decode, subjects))
    return time.perf_counter() - started


def main() -> None:
    """Measure every clip of a folder."""
    parser = argparse.ArgumentParser(description="Rendering and storing against decoding.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    alike = [f"tasks.{name}.weight=1" for name in TASKS]
    config = load_config("tiny", [f"build.size={len(TASKS)}", *alike])
    config = replace(config, video=VideoConfig(num_frames=48))
    console = Console(width=120, file=sys.stdout)
    rows = [row for row in scan(arguments.folder, check="ends") if "/" not in row.path]
    with one_torch_thread(), tempfile.TemporaryDirectory() as folder:
        found = subjects(rows, arguments.folder, config, Path(folder))
        table = Table("clip", "size", "decode ms", "one", "three", *FORMS, box=None)
        ratios: dict[str, list[float]] = {"one": [], "three": [], **{form: [] for form in FORMS}}
        by_class: dict[str, list[float]] = {}
        costs: dict[str, float] = {}
        for subject in found:
            work = subject.work()
            spent: dict[str, list[float]] = {name: [] for name in work}
            for _ in range(arguments.repeat):
                for name, one in work.items():
                    spent[name].append(cpu(one))
            median = {name: statistics.median(times) for name, times in spent.items()}
            costs[subject.row.path] = median["decode"]
            against = {
                "one": median["one"] / median["decode"],
                "three": median["three"] / median["decode"],
                **{form: median["decode"] / median[form] for form in FORMS},
            }
            for name, ratio in against.items():
                ratios[name].append(ratio)
            side = min(subject.row.height, subject.row.width)
            if side in CLASSES:
                for form in FORMS:
                    by_class.setdefault(f"{CLASSES[side]} {form}", []).append(against[form])
            table.add_row(
                subject.row.path[:34],
                f"{subject.row.width}x{subject.row.height}",
                f"{1000 * median['decode']:.0f}",
                *(f"{ratio:.2f}" for ratio in against.values()),
            )
        console.print(table)
        found.sort(key=lambda subject: -costs[subject.row.path])
        walls = [(seconds_with(1, found), seconds_with(2, found)) for _ in range(arguments.repeat)]
    for name, values in (ratios | by_class).items():
        console.print(
            f"{name}: median {statistics.median(values):.2f}, least {min(values):.2f}, most {max(values):.2f}, {len(values)} clips"
        )
    speedup = statistics.median(one / two for one, two in walls)
    console.print(f"two threads: {speedup:.2f} times one")
    print(f"render: {statistics.median(ratios['one']):.2f}")


if __name__ == "__main__":
    main()
