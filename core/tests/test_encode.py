"""Files written for browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import pytest
import torch

from videossr.video import decode, encode_mp4, mp4_bytes, probe, read_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from videossr import Clip


def decode_all(path: Path) -> Clip:
    """Every frame at its own size."""
    times = read_timeline(path).times.tolist()
    return decode(path, times, max_pixels=2**24, min_pixels=1, multiple=1)


def test_frames_survive_a_round_trip(moving_frames: Tensor, tmp_path: Path) -> None:
    """At a low crf, grey detail comes back within a few levels, frame by frame."""
    grey = moving_frames[:, :1].expand(-1, 3, -1, -1)
    encode_mp4(grey, 25.0, tmp_path / "clip.mp4", crf=4)
    back = decode_all(tmp_path / "clip.mp4").frames
    assert grey.shape == back.shape
    errors = (grey.float() - back.float()).abs().mean((1, 2, 3))
    assert errors.max() < 3


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 30)])
def test_colours_are_kept(colour: tuple[int, int, int], tmp_path: Path) -> None:
    """The file names the matrix and range it was written with, so colours come back."""
    frames = torch.tensor(colour, dtype=torch.uint8)[None, :, None, None].expand(3, 3, 32, 32)
    encode_mp4(frames, 10.0, tmp_path / "clip.mp4", crf=4)
    back = decode_all(tmp_path / "clip.mp4").frames.float().mean((0, 2, 3))
    assert back.tolist() == pytest.approx(colour, abs=4)


def test_times_are_written_as_given(numbered_frames: Tensor, tmp_path: Path) -> None:
    """Uneven times come back, counted from the first; the last frame lasts as long as the one before."""
    times = torch.tensor([3.0, 3.1, 3.15, 4.0, 4.5], dtype=torch.float64)
    encode_mp4(numbered_frames[:5], times, tmp_path / "clip.mp4")
    info = probe(tmp_path / "clip.mp4")
    assert info.timeline.times.tolist() == pytest.approx([0.0, 0.1, 0.15, 1.0, 1.5], abs=1e-9)
    assert info.variable
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert container.duration == 2 * av.time_base


def test_file_is_what_browsers_play(numbered_frames: Tensor, tmp_path: Path) -> None:
    """H.264, 4:2:0, and the index before the frames."""
    data = mp4_bytes(numbered_frames[:5], 29.97)
    (tmp_path / "clip.mp4").write_bytes(data)
    info = probe(tmp_path / "clip.mp4")
    held = (info.timeline.codec, info.timeline.pixel_format, info.variable)
    assert held == ("h264", "yuv420p", False)
    assert info.fps == pytest.approx(29.97, rel=1e-5)
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_same_frames_give_the_same_bytes(moving_frames: Tensor) -> None:
    """Nothing of the clock or of chance goes into a file."""
    assert mp4_bytes(moving_frames[:20], 25.0) == mp4_bytes(moving_frames[:20], 25.0)


def test_odd_sides_get_their_last_row_and_column_twice(tmp_path: Path) -> None:
    """A size that 4:2:0 cannot hold is padded by one pixel, not scaled."""
    frames = torch.full((4, 3, 33, 17), 90, dtype=torch.uint8)
    encode_mp4(frames, 8.0, tmp_path / "clip.mp4")
    info = probe(tmp_path / "clip.mp4")
    assert (info.height, info.width) == (34, 18)
    assert decode_all(tmp_path / "clip.mp4").frames.float().mean().item() == pytest.approx(
        90, abs=2
    )


def test_a_failure_leaves_the_old_file(numbered_frames: Tensor, tmp_path: Path) -> None:
    """A file is replaced when the new one is complete, and no leftovers stay."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="crf: 99"):
        encode_mp4(numbered_frames, 10.0, path, crf=99)
    assert path.read_bytes() == b"old"
    encode_mp4(numbered_frames, 10.0, path)
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("shape", "times", "message"),
    [
        ((0, 3, 8, 8), 10.0, r"frames: torch\.uint8 \[0, 3, 8, 8\]"),
        ((4, 8, 8, 3), 10.0, r"frames: torch\.uint8 \[4, 8, 8, 3\]"),
        ((4, 3, 8, 8), 0.0, "times: 0.0 frames a second"),
        ((4, 3, 8, 8), [0.0, 1.0], "times: 2 for 4 frames"),
        ((4, 3, 8, 8), [0.0, 1.0, 1.0, 2.0], "must increase"),
    ],
)
def test_unusable_frames_and_times_are_named(
    shape: tuple[int, ...], times: float | list[float], message: str
) -> None:
    """An error names the argument, what came and what is right."""
    with pytest.raises(ValueError, match=message):
        mp4_bytes(torch.zeros(shape, dtype=torch.uint8), times)
