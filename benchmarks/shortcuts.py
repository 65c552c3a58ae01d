"""Shortcuts: does anything but the alteration itself give a segment away?

    uv run python benchmarks/shortcuts.py VIDEOS

Grounding questions of the preset videossr_30k on the videos of a folder. Outside of the segment every pixel has to
be that of the source, to the bit. Then a linear probe tells unaltered frames next to the segment from unaltered
frames far from it, by cheap statistics of a frame: means and deviations of the channels, sharpness, and the
blocks that JPEG leaves. It is trained on some videos and judged on others, by the area under its curve; 0.5 is a
guess. Where frames lie in a video says something by itself, so the limit is a placebo: the same frames probed for
the segments of other questions. A planted shortcut, JPEG of quality 75 next to the segment, shows that the probe
finds one where there is one. Last, what the mean interval earns, beside the blind floor.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from videossr.build import build
from videossr.config import load_config
from videossr.engine import Local
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan
from videossr.threads import core_count

#: Frames next to a segment that count as near, and how far away the far ones begin.
NEAR, FAR = 2, 6

FOLDS = 10
RESAMPLES = 500

Floats = NDArray[np.float64]


class Probed(NamedTuple):
    """Frames of one question: features [T, F], and for each frame 1 near, 0 far, -1 neither."""

    video: str
    features: Floats
    planted: Floats
    labels: NDArray[np.int64]


def main() -> None:
    """Build, compare, probe, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="?", help="a folder; drawn by code if not given")
    parser.add_argument("--questions", type=int, default=320)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = arguments.videos
        if videos is None:
            videos = Path(folder)
            write_videos(videos, 40, seed=0, seconds=10, fps=10, height=96, width=128)
        measure(videos, arguments.questions)


def measure(videos: Path, questions: int) -> None:
    """All figures for one folder."""
    alone = [
        "build.refill=true",
        "tasks.counting.enabled=false",
        "tasks.jigsaw.enabled=false",
        "build.check=true",
    ]
    config = load_config("videossr_30k", [*alone, f"build.size={questions}"])
    rows = scan(videos, engine=Local(core_count()))
    dataset = build(config, rows, videos.resolve(), engine=Local(core_count()))
    renderer = Renderer.for_dataset(dataset)
    task = config.tasks["anomaly"].task
    segments: list[tuple[int, int]] = []
    probed: list[Probed] = []
    means: list[tuple[float, float]] = []
    samples = []
    outside = 0
    for recipe in sorted(dataset.recipes, key=lambda recipe: recipe.video):
        source, sample = renderer.clip(recipe.excerpt), renderer.render(recipe)
        (shown,), (start, stop) = sample.clips, sample.target["segment"]
        same = (shown.frames == source.frames).flatten(1).all(1)
        assert same[:start].all() and same[stop:].all(), recipe.name  # noqa: PT018 - one statement
        outside += len(shown) - (stop - start)
        labels = near_or_far(len(shown), start, stop)
        planted = source.frames.clone()
        for at in np.flatnonzero(labels == 1):
            planted[at] = recompressed(planted[at])
        probed.append(Probed(recipe.video, statistics(source.frames), statistics(planted), labels))
        segments.append((start, stop))
        span = float(source.times[-1] - source.times[0])
        means.append(tuple((float(source.times[i]) / span) for i in (start, stop - 1)))  # type: ignore[arg-type]
        samples.append((recipe, sample, span))
    used = len({one.video for one in probed})
    print(
        f"{len(probed)} questions about {used} videos; {outside:,} frames outside, alike to the bit"
    )

    placebo = [
        one._replace(labels=near_or_far(len(one.labels), *other))
        for one, other in zip(probed, rolled(segments, [p.video for p in probed]), strict=True)
    ]
    planted_set = [one._replace(features=one.planted) for one in probed]
    print(f"{'probe':<34} {'area':>6}  95 % interval, by video")
    areas = {}
    for name, some in (
        ("near against far", probed),
        ("placebo: others' segments", placebo),
        ("planted: JPEG 75 when near", planted_set),
    ):
        areas[name], low, high = area_by_video(some)
        print(f"{name:<34} {areas[name]:>6.3f}  [{low:.3f}, {high:.3f}]")

    start, end = np.mean(means, axis=0)
    earned = [
        task.score(f"{start * span:.1f}-{end * span:.1f}", sample.answer, sample.target).value
        for _, sample, span in samples
    ]
    print(
        f"the mean interval earns {np.mean(earned):.3f}; blind floor {dataset.floors['anomaly']:.3f}"
    )
    real, guess = areas["near against far"], areas["placebo: others' segments"]
    print(f"shortcuts: {real / guess:.3f}")


def near_or_far(frames: int, start: int, stop: int) -> NDArray[np.int64]:
    """1 for the unaltered frames next to a segment, 0 for those far from it, -1 for all others."""
    at = np.arange(frames)
    away = np.maximum(start - at, at - stop + 1)  # 1 is the next one; 0 and less are altered
    return np.where((away >= 1) & (away <= NEAR), 1, np.where(away >= FAR, 0, -1))


def rolled(segments: list[tuple[int, int]], videos: list[str]) -> list[tuple[int, int]]:
    """For each question the segment of one about another video."""
    shift = next(
        by
        for by in range(1, len(videos))
        if all(videos[i] != videos[i - by] for i in range(len(videos)))
    )
    return [segments[i - shift] for i in range(len(segments))]


def statistics(frames: torch.Tensor) -> Floats:
    """Cheap statistics of frames, uint8 [T, 3, H, W], less their mean over the clip; [T, 8]."""
    whole = frames.double()
    grey = whole.mean(1)
    across = (grey[:, :, 1:] - grey[:, :, :-1]).abs()
    edges = across[:, :, 7::8].mean((1, 2)) - across[:, :, 3::8].mean((1, 2))
    columns = [
        *whole.mean((2, 3)).T,
        *whole.std((2, 3)).T,
        across.mean((1, 2)),
        edges,
    ]
    table = torch.stack(columns, 1).numpy()
    return np.asarray(table - table.mean(0))


def recompressed(frame: torch.Tensor) -> torch.Tensor:
    """A frame after JPEG of quality 75."""
    buffer = io.BytesIO()
    Image.fromarray(frame.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=75)
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)


def area_by_video(probed: list[Probed]) -> tuple[float, float, float]:
    """The area under the curve of a probe that is judged on other videos than it is trained on."""
    videos = sorted({one.video for one in probed})
    fold = {video: number % FOLDS for number, video in enumerate(videos)}
    scored: list[tuple[str, Floats, NDArray[np.int64]]] = []
    for held_out in range(FOLDS):
        weights, scale = fitted([one for one in probed if fold[one.video] != held_out])
        for one in (one for one in probed if fold[one.video] == held_out):
            seen = one.labels >= 0
            scored.append((one.video, one.features[seen] / scale @ weights, one.labels[seen]))
    dice = np.random.default_rng(0)
    by_video = {
        video: [(scores, labels) for name, scores, labels in scored if name == video]
        for video in videos
    }
    draws = [
        area(
            [
                pair
                for at in dice.integers(len(videos), size=len(videos))
                for pair in by_video[videos[at]]
            ]
        )
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(draws, [0.025, 0.975])
    return area([(scores, labels) for _, scores, labels in scored]), float(low), float(high)


def fitted(probed: list[Probed]) -> tuple[Floats, Floats]:
    """The weights of a ridge regression on balanced labels, and the scale of the features."""
    rows = np.concatenate([one.features[one.labels >= 0] for one in probed])
    labels = np.concatenate([one.labels[one.labels >= 0] for one in probed])
    scale = rows.std(0) + 1e-9
    rows = rows / scale
    target = np.where(labels == 1, 1 / labels.mean(), -1 / (1 - labels.mean()))
    weight = np.where(labels == 1, 1 / labels.mean(), 1 / (1 - labels.mean()))
    moments = rows.T @ (rows * weight[:, None]) + np.eye(rows.shape[1])
    return np.linalg.solve(moments, rows.T @ target), scale


def area(pairs: list[tuple[Floats, NDArray[np.int64]]]) -> float:
    """The chance that a near frame scores above a far one."""
    scores = np.concatenate([scores for scores, _ in pairs])
    labels = np.concatenate([labels for _, labels in pairs])
    ranks = np.empty(len(scores))
    ranks[scores.argsort(kind="stable")] = np.arange(1, len(scores) + 1)
    near = int(labels.sum())
    return float((ranks[labels == 1].sum() - near * (near + 1) / 2) / (near * (len(labels) - near)))


if __name__ == "__main__":
    main()
