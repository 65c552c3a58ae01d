"""Whole procedural videos: shots between hard cuts, in memory and as files."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from videossr.procedural.dice import Dice
from videossr.procedural.shots import draw_shot
from videossr.seeds import derive_seed
from videossr.threads import one_torch_thread
from videossr.video import encode_mp4

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

# Below this a shot is too short to see what moves in it.
_SHORTEST_SHOT_S = 1.0
# How far every colour is moved towards grey.
_GREYNESS = 0.5


def _cuts(seed: int, count: int, fps: float) -> list[int]:
    """The frame numbers at which shots start, and the end: one to three shots."""
    dice = Dice(seed)
    most = max(1, min(3, int(count / (fps * _SHORTEST_SHOT_S)), count // 2))
    shots = min(dice.numbers.choice((1, 2, 2, 3)), most)
    shares = [dice.between(1.0, 2.0) for _ in range(shots)]
    starts = [round(count * sum(shares[:shot]) / sum(shares)) for shot in range(shots)]
    return [*starts, count]


def _muted(frames: Tensor) -> Tensor:
    """Frames [3, T, H, W] with half their colour, as the air and the light leave it in most footage."""
    return frames.lerp_(frames.mean(dim=0, keepdim=True), _GREYNESS)


@torch.no_grad()
def draw_video(seed: int, *, seconds: float, fps: float, height: int, width: int) -> Tensor:
    """Draw a video.

    Args:
        seed: what video it is. On one build of torch the same seed draws the same pixels.
        seconds: length; the number of frames is the nearest to `seconds` x `fps`.
        fps: frames a second.
        height: of the frames, in pixels.
        width: of the frames, in pixels.

    Returns:
        uint8 [T, 3, height, width], RGB.

    Raises:
        ValueError: a size below 8 pixels, or a length of less than one frame.
    """
    least = 8
    if min(height, width) < least:
        raise ValueError(f"height x width: {height} x {width}; must be {least} x {least} or more")
    if not (fps > 0 and math.isfinite(seconds * fps) and round(seconds * fps) >= 1):
        raise ValueError(f"seconds, fps: {seconds}, {fps}; must make one frame or more")
    cuts = _cuts(derive_seed("procedural cuts", seed), round(seconds * fps), fps)
    video = torch.empty(cuts[-1], 3, height, width, dtype=torch.uint8)
    for shot, (start, stop) in enumerate(itertools.pairwise(cuts)):
        frames = draw_shot(
            derive_seed("procedural shot", seed, shot), stop - start, fps, height, width
        )
        video[start:stop] = _muted(frames).mul_(255).round_().to(torch.uint8).transpose(0, 1)
    return video


def write_videos(
    folder: Path,
    count: int,
    *,
    seed: int,
    seconds: float,
    fps: float,
    height: int,
    width: int,
    workers: int = 1,
    progress: Callable[[], object] | None = None,
) -> list[Path]:
    """Draw videos and write them as H.264: procedural_0000.mp4, procedural_0001.mp4, and so on.

    Each file appears whole or not at all, and replaces one of its name. The first videos of a
    larger set are those of a smaller one.

    Args:
        folder: where to; made if it is missing.
        count: how many.
        seed: of the whole set.
        seconds: length of each, as `draw_video` takes it.
        fps: frames a second.
        height: in pixels.
        width: in pixels.
        workers: how many are drawn and encoded at a time, in threads.
        progress: called once after each video is written, from the calling thread.

    Returns:
        The paths, in the order of their numbers.
    """

    def write(number: int) -> Path:
        frames = draw_video(
            derive_seed("procedural video", seed, number),
            seconds=seconds,
            fps=fps,
            height=height,
            width=width,
        )
        path = folder / f"procedural_{number:04d}.mp4"
        encode_mp4(frames, fps, path)
        return path

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with one_torch_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            for path in pool.map(write, range(count)):
                paths.append(path)
                if progress is not None:
                    progress()
        except BaseException:
            # After an interruption or a full disk, what waits is not worth waiting for.
            pool.shutdown(cancel_futures=True)
            raise
    return paths
