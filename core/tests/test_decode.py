"""Frames and times as a player shows them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import torch

from videossr import Clip, VideoError
from videossr.video import (
    Backend,
    available_backends,
    decode,
    encode_mp4,
    fit_size,
    frames_on_screen,
    probe,
    read_timeline,
    target_times,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

LIMITS: dict[str, Any] = {"max_pixels": 65536, "min_pixels": 4096, "multiple": 32}
OWN_SIZE: dict[str, Any] = {"max_pixels": 2**24, "min_pixels": 1, "multiple": 1}

each_backend = pytest.mark.parametrize("backend", available_backends())

#: Gaps of 10 to 500 ms: a frame rate would put nearly every frame elsewhere.
UNEVEN = torch.tensor([(i * 37 % 50 + 1) / 100 for i in range(40)], dtype=torch.float64).cumsum(0)


@pytest.fixture(scope="session")
def uneven(numbered_frames: Tensor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video with a variable frame rate whose frames tell their number."""
    path = tmp_path_factory.mktemp("uneven") / "uneven.mp4"
    encode_mp4(numbered_frames, UNEVEN, path, crf=4)
    return path


@pytest.fixture(scope="session")
def many_keys(moving_frames: Tensor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 600 frames, in which decoding can start at several places."""
    path = tmp_path_factory.mktemp("many_keys") / "many_keys.mp4"
    there_and_back = torch.cat([moving_frames, moving_frames.flip(0)]).repeat(5, 1, 1, 1)
    encode_mp4(there_and_back, 30.0, path)
    assert read_timeline(path).keys.sum() > 2
    return path


def sixteen(path: Path) -> list[float]:
    """Sixteen times from the first frame to the last."""
    times = read_timeline(path).times
    return target_times(float(times[0]), float(times[-1]), 16)


def numbers(clip: Clip) -> list[int]:
    """The numbers that numbered frames tell."""
    levels = clip.frames.float().mean((1, 2, 3))
    return [round((level - 20) / 5) for level in levels.tolist()]


def difference(one: Tensor, other: Tensor) -> float:
    """Mean absolute difference of two sets of frames, in grey levels."""
    return float((one.float() - other.float()).abs().mean())


@each_backend
@pytest.mark.parametrize("wanted", [[0.0], [3.33], [0.7, 2.2, 2.21, 5.0, 9.9], [99.0, -1.0, 4.0]])
def test_frames_are_those_on_screen(uneven: Path, backend: Backend, wanted: list[float]) -> None:
    """Each frame that comes tells the number that a search by time finds."""
    times = (UNEVEN - UNEVEN[0]).numpy()
    expected = frames_on_screen(times, wanted)
    clip = decode(uneven, wanted, **OWN_SIZE, backend=backend)
    assert expected.tolist() == numbers(clip)
    assert times[expected].tolist() == pytest.approx(clip.times.tolist(), abs=1e-9)


@each_backend
def test_a_frame_wanted_twice_comes_once(uneven: Path, backend: Backend) -> None:
    """More times than frames give every frame exactly once."""
    wanted = target_times(0.0, float(UNEVEN[-1]), 2000)
    assert list(range(40)) == numbers(decode(uneven, wanted, **OWN_SIZE, backend=backend))


@each_backend
def test_one_late_frame_is_the_same_as_among_all(many_keys: Path, backend: Backend) -> None:
    """Starting at a key frame in the middle gives the same bits as decoding from the start."""
    times = read_timeline(many_keys).times.tolist()
    every = decode(many_keys, times, **LIMITS, backend=backend)
    for number in (255, 400, 599):
        alone = decode(many_keys, [times[number]], **LIMITS, backend=backend)
        assert Clip(every.frames[number : number + 1], every.times[number : number + 1]) == alone


def test_threads_get_the_same_bits(many_keys: Path) -> None:
    """Calls side by side don't disturb each other."""
    wanted = sixteen(many_keys)
    alone = decode(many_keys, wanted, **LIMITS)
    with ThreadPoolExecutor(4) as pool:
        clips = list(pool.map(lambda _: decode(many_keys, wanted, **LIMITS), range(8)))
    assert all(alone == clip for clip in clips)


SCRIPT = """
import sys, xxhash
from videossr import VideoError
from videossr.video import decode, target_times
try:
    clip = decode(sys.argv[1], target_times(0, 3, 9), max_pixels=65536, min_pixels=1, multiple=28)
    print(xxhash.xxh3_128_hexdigest(clip.frames.numpy().tobytes()))
except VideoError as error:
    print(error.reason)
"""


def in_another_process(path: Path, threads: int) -> subprocess.CompletedProcess[str]:
    """Decode elsewhere, with this many threads for torch."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def test_processes_and_thread_counts_get_the_same_bits(many_keys: Path) -> None:
    """One thread or three, in other processes: the same digest."""
    outputs = [in_another_process(many_keys, threads).stdout for threads in (1, 3)]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].strip()) == 32


def test_damage_is_not_reported_behind_our_back(real_videos: Path) -> None:
    """FFmpeg writes nothing to standard error while it meets damaged packets."""
    result = in_another_process(real_videos / "ODD" / "corrupted_packets.mp4", 1)
    assert (result.stdout, result.stderr) == ("undecodable\n", "")


def test_a_backend_that_does_not_work_is_refused(uneven: Path) -> None:
    """The error lists what works."""
    with pytest.raises(ValueError, match=r"'quicktime' does not work here; available: .*pyav"):
        decode(uneven, [0.0], **LIMITS, backend="quicktime")  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", [[], [float("nan")]])
def test_wanting_nothing_is_refused(uneven: Path, wanted: list[float]) -> None:
    """An empty list and a time that is none are the caller's mistakes."""
    with pytest.raises(ValueError, match="targets"):
        decode(uneven, wanted, **LIMITS)


@pytest.mark.parametrize("content", [None, b"", b"<html>404</html>", b"\0" * 5000])
def test_what_is_no_video_is_unreadable(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or foreign file is a VideoError that names it, never another exception."""
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    for read in (probe, lambda path: decode(path, [0.0], **LIMITS)):
        with pytest.raises(VideoError) as caught:
            read(path)
        assert caught.value.reason == "unreadable"
        assert str(path) in str(caught.value)


@each_backend
def test_a_frame_that_does_not_come_is_an_error(
    many_keys: Path, tmp_path: Path, backend: Backend
) -> None:
    """Damage in the middle is an error for who wants a frame there, and for no one else."""
    data = bytearray(many_keys.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (tmp_path / "damaged.mp4").write_bytes(data)
    times = read_timeline(tmp_path / "damaged.mp4").times.tolist()
    whole = decode(many_keys, times[:5], **LIMITS, backend=backend)
    assert whole == decode(tmp_path / "damaged.mp4", times[:5], **LIMITS, backend=backend)
    with pytest.raises(VideoError) as caught:
        decode(tmp_path / "damaged.mp4", times, **LIMITS, backend=backend)
    assert caught.value.reason in {"undecodable", "missing_frames"}


def test_real_clips_decode(real_clip: Path) -> None:
    """Sixteen frames over the whole clip: increasing times, the size that was promised."""
    info = probe(real_clip)
    wanted = sixteen(real_clip)
    clip = decode(real_clip, wanted, **LIMITS)
    expected = info.timeline.times[frames_on_screen(info.timeline.times, wanted)]
    assert expected.tolist() == clip.times.tolist()
    assert fit_size(info.height, info.width, **LIMITS) == (clip.height, clip.width)
    # Not one picture over and over, and not green: a decoder that fails in silence does either.
    assert difference(clip.frames[0], clip.frames[len(clip) // 2]) > 0.5


@pytest.mark.skipif(len(available_backends()) == 1, reason="FFmpeg's libraries are not installed")
def test_backends_agree(real_clip: Path) -> None:
    """The same times to the bit, and the same pictures but for the versions of FFmpeg."""
    wanted = sixteen(real_clip)
    one, other = (decode(real_clip, wanted, **LIMITS, backend=b) for b in available_backends())
    assert one.times.tolist() == other.times.tolist()
    assert difference(one.frames, other.frames) < 1


def test_dropping_frames_does_not_change_what_is_on_screen(real_videos: Path) -> None:
    """The same scene with a variable frame rate: the frames that are left have their old times."""
    sparse = read_timeline(real_videos / "derived_cups_vfr_hevc.mkv").times[::12].tolist()
    left = decode(real_videos / "derived_cups_vfr_hevc.mkv", sparse, **LIMITS)
    # The file's clock counts whole milliseconds.
    original = decode(
        real_videos / "cups_shell_game_30fps.mp4", [t + 0.001 for t in sparse], **LIMITS
    )
    assert left.times.tolist() == pytest.approx(original.times.tolist(), abs=0.001)
    assert difference(left.frames, original.frames) < 2
    assert difference(left.frames[1:], original.frames[:-1]) > 4


def test_rotation_is_applied(real_videos: Path) -> None:
    """A clip coded on its side looks like the original, upright."""
    wanted = target_times(0.0, 8.8, 8)
    original = decode(real_videos / "highway_dashcam_25fps.mp4", wanted, **LIMITS)
    rotated = decode(real_videos / "derived_highway_rotated90_meta.mp4", wanted, **LIMITS)
    assert original.times.tolist() == pytest.approx(rotated.times.tolist(), abs=1e-6)
    assert difference(original.frames, rotated.frames) < 2
    assert difference(original.frames, rotated.frames.flip(2, 3)) > 20


def test_clock_shows_the_times_that_the_frames_have(real_videos: Path) -> None:
    """The last digit of the clock in the picture, read by comparison, is that of the frame's time."""
    path = real_videos / "clock_timer_300s_24fps.mp4"

    def last_digits(times: Sequence[float]) -> tuple[Clip, Tensor]:
        clip = decode(path, times, max_pixels=320 * 240, min_pixels=1, multiple=1)
        return clip, clip.frames[:, :, 36:110, 222:280].float()

    _, shapes = last_digits([digit + 0.5 for digit in range(10)])
    wanted = [10.5, 33.1, 61.9, 100.2, 128.7, 177.4, 219.3, 255.6, 284.8, 299.5]
    clip, seen = last_digits(wanted)
    errors = (seen[:, None] - shapes[None]).abs().mean((2, 3, 4))
    assert [int(time) % 10 for time in wanted] == errors.argmin(1).tolist()
    assert all(0 <= w - t < 1 / 24 for w, t in zip(wanted, clip.times.tolist(), strict=True))


@each_backend
def test_numbers_change_when_they_do_on_screen(real_videos: Path, backend: Backend) -> None:
    """A clip that counts to 30, three a second; the 20 lasts a frame less, as one sees in a player."""
    path = real_videos / "counting_numbers_mpeg4_30fps.mp4"
    changes = [number / 3 for number in range(1, 20)] + [199 / 30 + n / 3 for n in range(10)]
    # Just before and just after each change, as far from it as a frame lasts less a millisecond.
    wanted = [time + offset for time in changes for offset in (-0.034, -0.001, 0.001, 0.032)]
    clip = decode(path, wanted, **OWN_SIZE, backend=backend)
    shown = frames_on_screen(read_timeline(path).times, wanted).tolist()
    ink = (clip.frames.amax(1) < 64).float()  # the numbers are black, the ground is not
    black = dict(zip(shown, ink, strict=True))
    for time in changes:
        before, after = round(30 * time) - 1, round(30 * time)
        changed = float((black[before] - black[after]).abs().sum() / black[after].sum())
        stayed = float((black[before] - black[before - 1]).abs().sum() / black[before].sum())
        assert stayed < 0.2 < changed, f"at {time:.3f} s"


@pytest.mark.parametrize(
    ("name", "height", "width"),
    [
        ("campervan_theora_sar.ogv", 288, 525),  # 352 * 640 / 429
        ("man_dog_rotated_meta_30fps.mp4", 1280, 720),
        ("ODD/three_frames_rotated90.mov", 568, 320),
        ("ODD/tiny_8x8.mp4", 8, 14),  # 8 * 16 / 9
    ],
)
def test_size_is_that_on_display(real_videos: Path, name: str, height: int, width: int) -> None:
    """Pixels that are not square and rotation count."""
    info = probe(real_videos / name)
    assert (height, width) == (info.height, info.width)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("screen_chart_builder_vfr.mp4", True),
        ("derived_cups_vfr_hevc.mkv", True),
        ("man_greenscreen_60fps.mp4", False),
        ("screen_notebook_vp9_30fps.webm", False),  # whole milliseconds, so gaps of 33 and 34
    ],
)
def test_variable_frame_rate_is_found(real_videos: Path, name: str, variable: bool) -> None:
    """Gaps that differ make a rate variable, rounding does not."""
    assert variable == probe(real_videos / name).variable


def test_times_of_a_late_start_are_kept(real_videos: Path) -> None:
    """A stream that starts at 8.333 s has its first frame there."""
    path = real_videos / "ODD" / "nonzero_start_time.mp4"
    assert decode(path, [0.0], **LIMITS).times.tolist() == [127995 / 15360]


def test_seeking_keeps_what_the_first_packet_says(real_videos: Path) -> None:
    """Old 4:4:4 files come out green after a seek unless the decoder has seen their start."""
    path = real_videos / "ODD" / "h264_444_seek_breaks.mp4"
    late = decode(path, [15.0], **LIMITS)
    among = decode(path, [0.0, *target_times(0.1, 15.0, 40)], **LIMITS)
    assert torch.equal(late.frames[0], among.frames[-1])


def test_frames_of_another_size_are_scaled_to_the_first(real_videos: Path) -> None:
    """Where the size changes midway, every frame comes at the size of the display."""
    clip = decode(real_videos / "ODD" / "resolution_change_midway.webm", [0.2, 1.8], **LIMITS)
    red, green = clip.frames.float().mean((2, 3))
    assert red[0] > 200 > green[0]
    assert green[1] > 100 > red[1]
