from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import av
import pytest
import torch

from videossr.procedural import draw_video, write_videos

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

SEEDS = range(12)


@functools.cache
def drawn(seed: int) -> Tensor:
    return draw_video(seed, seconds=6.0, fps=12.0, height=96, width=128)


def changes(frames: Tensor) -> Tensor:
    """Mean absolute change from each frame to the next, of 255."""
    return (frames[1:].float() - frames[:-1].float()).abs().mean(dim=(1, 2, 3))


def shots(frames: Tensor) -> list[Tensor]:
    """The frames between hard cuts: where a change towers over those around it."""
    change = changes(frames)
    cuts = (change > 4 * change.median()).nonzero().flatten() + 1
    return list(frames.tensor_split(cuts))


def displacement(before: Tensor, after: Tensor, top: int, left: int) -> tuple[int, int]:
    """How many pixels down and right a block of 20 x 20 moves, at most 5, by its best match."""
    block = before[:, top : top + 20, left : left + 20].float()
    reach = range(-5, 6)
    errors = {
        (down, right): float(
            (after[:, top + down : top + down + 20, left + right : left + right + 20] - block)
            .abs()
            .mean()
        )
        for down in reach
        for right in reach
    }
    return min(errors, key=errors.__getitem__)


@pytest.mark.parametrize(
    ("seconds", "fps", "height", "width", "frames"),
    [
        (2.0, 12.0, 96, 128, 24),
        (1.0, 29.97, 64, 64, 30),
        (0.1, 10.0, 90, 40, 1),
        (3.5, 2.0, 8, 8, 7),
    ],
)
def test_shape(seconds: float, fps: float, height: int, width: int, frames: int) -> None:
    """Frames are uint8 [T, 3, height, width], and T is the nearest whole number of frames."""
    video = draw_video(5, seconds=seconds, fps=fps, height=height, width=width)
    assert video.dtype == torch.uint8
    assert (frames, 3, height, width) == video.shape


def test_same_seed_draws_the_same_pixels() -> None:
    """A seed names a video: its pixels don't depend on what was drawn before, or on threads."""
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        again = draw_video(3, seconds=6.0, fps=12.0, height=96, width=128)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(drawn(3), again)


def test_seeds_draw_different_videos() -> None:
    """No two of a dozen neighbouring seeds look alike in any second."""
    videos = torch.stack([drawn(seed)[::12] for seed in SEEDS]).float()
    for number, video in enumerate(videos):
        difference = (videos[:number] - video).abs().mean(dim=(2, 3, 4))
        assert (difference > 15).all()


def test_frames_can_be_altered_and_trained_on() -> None:
    """The frames are ordinary tensors: they can be written to, and used in a graph."""
    video = draw_video(1, seconds=0.5, fps=4.0, height=16, width=16)
    video[0] = 0
    scale = torch.ones((), requires_grad=True)
    (gradient,) = torch.autograd.grad((video.float() * scale).sum(), scale)
    assert gradient == video.sum()


def test_every_frame_differs_from_the_one_before() -> None:
    """Nothing stands still: each frame changes by more than a level of brightness on average."""
    assert min(float(changes(drawn(seed)).min()) for seed in SEEDS) > 1


def test_regions_move_differently() -> None:
    """In most videos different places move by different ways between two frames of a shot."""
    moved_apart = 0
    for seed in SEEDS:
        shot = max(shots(drawn(seed)), key=len)
        before, after = shot[4], shot[6]
        ways = {
            displacement(before, after, top, left)
            for top in (6, 26, 46, 66)
            for left in (6, 26, 46, 66, 86)
        }
        spread = max(
            abs(one[0] - other[0]) + abs(one[1] - other[1]) for one in ways for other in ways
        )
        moved_apart += spread >= 3
    assert moved_apart >= 0.8 * len(SEEDS)


def test_cuts() -> None:
    """Videos have one to three shots, and a dozen of them have each of these numbers."""
    assert {1, 2, 3} == {len(shots(drawn(seed))) for seed in SEEDS}


def test_motion_goes_on_within_a_shot() -> None:
    """Apart from the cuts a video is continuous: frames resemble their neighbours most."""
    for seed in SEEDS:
        shot = max(shots(drawn(seed)), key=len).float()
        near = (shot[1:] - shot[:-1]).abs().mean()
        far = (shot[12:] - shot[:-12]).abs().mean()
        assert far > 1.5 * near


def test_swapping_red_and_blue_shows() -> None:
    """A swap of red and blue changes nearly every second of video by more than 10 of 255."""
    seconds = torch.stack(
        [second for seed in SEEDS for second in torch.split(drawn(seed), 12)]
    ).float()
    change = (seconds - seconds.flip(2)).abs().mean(dim=(1, 2, 3, 4))
    assert (change > 10).float().mean() >= 0.95


@pytest.mark.parametrize("dim", [3, 2], ids=["left-right", "up-down"])
def test_pictures_are_asymmetric(dim: int) -> None:
    """Mirroring or flipping changes nearly every second of video by more than 10 of 255."""
    seconds = torch.stack(
        [second for seed in SEEDS for second in torch.split(drawn(seed), 12)]
    ).float()
    change = (seconds - seconds.flip(dim + 1)).abs().mean(dim=(1, 2, 3, 4))
    assert (change > 10).float().mean() >= 0.95


def test_one_seed_is_one_scene_at_any_size() -> None:
    """A video of half the size shows what the full one shows."""
    half = draw_video(3, seconds=6.0, fps=12.0, height=48, width=64)
    shrunk = torch.nn.functional.avg_pool2d(drawn(3).float(), 2)
    other = torch.nn.functional.avg_pool2d(drawn(4).float(), 2)
    assert (half - shrunk).abs().mean() < 0.5 * (half - other).abs().mean()


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"height": 4}, "height"), ({"seconds": 0.0}, "seconds"), ({"fps": -1.0}, "seconds, fps")],
)
def test_impossible_sizes_are_refused(changed: dict[str, float], named: str) -> None:
    """A video without frames or pixels is an error that names the argument."""
    sizes = {"seconds": 1.0, "fps": 4.0, "height": 16, "width": 16} | changed
    with pytest.raises(ValueError, match=named):
        draw_video(
            0,
            seconds=sizes["seconds"],
            fps=sizes["fps"],
            height=int(sizes["height"]),
            width=int(sizes["width"]),
        )


def frame_count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_written_videos(tmp_path: Path) -> None:
    """Files are numbered, whole, of the right length, and nothing else is left in the folder."""
    written = []
    paths = write_videos(
        tmp_path / "new" / "folder",
        3,
        seed=7,
        seconds=1.0,
        fps=8.0,
        height=32,
        width=48,
        workers=2,
        progress=lambda: written.append(1),
    )
    assert [f"procedural_{number:04d}.mp4" for number in range(3)] == [path.name for path in paths]
    assert sorted(paths) == sorted((tmp_path / "new" / "folder").iterdir())
    assert [frame_count(path) for path in paths] == [8, 8, 8]
    assert len(written) == 3


def test_set_depends_on_its_seed_alone(tmp_path: Path) -> None:
    """The same seed writes the same bytes, whatever the count and the workers; another does not."""

    def written(name: str, count: int, seed: int, workers: int) -> list[bytes]:
        paths = write_videos(
            tmp_path / name,
            count,
            seed=seed,
            seconds=1.0,
            fps=8.0,
            height=32,
            width=48,
            workers=workers,
        )
        return [path.read_bytes() for path in paths]

    first = written("first", 3, seed=7, workers=2)
    assert len(set(first)) == 3
    assert first[:2] == written("second", 2, seed=7, workers=1)
    assert set(first).isdisjoint(written("third", 3, seed=8, workers=1))


def test_failure_ends_the_whole(tmp_path: Path) -> None:
    """No video is skipped: the first that cannot be made is the caller's error."""
    with pytest.raises(ValueError, match="height x width: 4 x 48"):
        write_videos(tmp_path, 2, seed=7, seconds=1.0, fps=8.0, height=4, width=48)
    assert list(tmp_path.iterdir()) == []
