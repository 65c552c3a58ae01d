"""Draws the pictures of the documentation: `python docs/pictures.py`. From videos that are drawn by code."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer
from matplotlib.figure import Figure

from videossr.build import build
from videossr.config import load_config
from videossr.marks import marks_of
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from torch import Tensor

    from videossr.marks import Mark
    from videossr.sample import Sample

PICTURE: Final = Path(__file__).parent / "pictures" / "tasks.png"

#: Frames of a row.
_SHOWN: Final = 9

_SETTINGS: Final = (
    "seed=5",
    "build.size=12",
    "video.num_frames=18",
    "video.min_frames=18",
    "video.max_pixels=36864",
    "video.min_pixels=16384",
    "video.spacing=0.25",
    "tasks.anomaly.weight=1",
    "tasks.anomaly.perturbations.zoom_out.enabled=false",
    "tasks.counting.weight=1",
    "tasks.counting.colors=random",
    "tasks.jigsaw.weight=1",
    "modifiers.augment.enabled=false",
)

_ASKED: Final = {
    "anomaly": "When was it altered?",
    "counting": "How many circles, squares and triangles?",
    "jigsaw": "In which order do these parts belong?",
}
_MARK: Final = "#d9542b"


def main() -> None:
    """Write the picture of the three tasks."""
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder) / "videos"
        write_videos(videos, 6, seed=3, seconds=8, fps=12, height=192, width=256)
        config = load_config("tiny", list(_SETTINGS))
        dataset = build(config, scan(videos), videos)
        renderer = Renderer(config, videos)
        samples = {task: renderer.render(dataset.of_task(task)[1]) for task in _ASKED}
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    rows = figure.subfigures(len(samples), 1)
    for row, (name, sample) in zip(rows, samples.items(), strict=True):
        row.suptitle(
            f"{name}: {_ASKED[name]}  Answer: {sample.answer}", x=0.005, ha="left", fontsize=12
        )
        marks = marks_of(config.tasks[name].task, sample) if name != "jigsaw" else ()
        for axes, still in zip(row.subplots(1, _SHOWN), _stills(sample, marks), strict=True):
            _show(axes, *still)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})
    typer.echo(PICTURE)


def _stills(sample: Sample, marks: Sequence[Mark]) -> Iterator[tuple[Tensor, str, bool]]:
    """Frames of a row, those that are marked among them: pixels, what to write below, and whether it is one."""
    each = _SHOWN // len(sample.clips)
    for number, clip in enumerate(sample.clips):
        marked = {
            frame for one in marks if one.clip == number for frame in range(one.start, one.stop)
        }
        part = f"part {number + 1}, " if len(sample.clips) > 1 else ""
        for frame in _chosen(len(clip.frames), marked, each):
            yield clip.frames[frame], f"{part}{clip.times[frame]:.1f} s", frame in marked


def _chosen(frames: int, marked: set[int], count: int) -> list[int]:
    """Frames that are evenly spread; where few are marked, all of these among them."""
    spread = [round(place * (frames - 1) / max(1, count - 1)) for place in range(count)]
    if not marked or len(marked) >= count:
        return spread
    others = [frame for frame in spread if frame not in marked]
    room = count - len(marked)
    return sorted([*marked, *others[:: max(1, len(others) // room)][:room]])


def _show(axes: Axes, frame: Tensor, said: str, marked: bool) -> None:
    axes.imshow(frame.permute(1, 2, 0).numpy())
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(said, fontsize=8)
    for spine in axes.spines.values():
        spine.set(color=_MARK if marked else "#888888", linewidth=4 if marked else 0.5)


if __name__ == "__main__":
    main()
