"""What a scan makes of each real clip and each hostile file: a table of all 69."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from videossr.engine import Local
from videossr.scan import scan
from videossr.video import available_backends, decode, target_times
from videossr.video_table import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.video_table import VideoRow

#: Codec, frames, time of the last one in seconds, height and width on display, degrees, whether the
#: rate varies. Codec, frames and size are those that `ffprobe -count_frames` of FFmpeg 5.1 gives,
#: made square and rotated by hand; but for H.266, which it cannot read.
READ = {
    "ODD/alpha_channel_vp9.webm": ("vp9", 150, 4.97, (200, 200), 0, False),  # transparency dropped
    "ODD/discard_first_keyframe.mp4": (
        "h264",
        25,
        0.96,
        (64, 64),
        0,
        False,
    ),  # 30 packets, of which an edit list hides 5
    "ODD/extreme_aspect_1280x16.mp4": (
        "h264",
        50,
        1.96,
        (16, 28),
        0,
        False,
    ),  # 1280 x 16 with pixels of 1:45
    "ODD/h264_444_seek_breaks.mp4": (
        "h264",
        603,
        20.1,
        (480, 640),
        0,
        True,
    ),  # the frames after a seek are compared
    "ODD/huge_7680x4320_8frames.mp4": ("hevc", 8, 0.29, (4320, 7680), 0, False),
    "ODD/long_black_av1_60fps_363s.mp4": ("av1", 21766, 362.75, (180, 320), 0, False),
    "ODD/missing_stsd.mp4": ("h264", 30, 0.97, (720, 1080), 0, False),  # only the sound is broken
    "ODD/mp4_named_as.webm": ("h264", 302, 5.02, (192, 320), 0, False),
    "ODD/name with spaces.mp4": ("h264", 50, 1.96, (180, 320), 0, False),
    "ODD/no_duration_header.webm": (
        "vp9",
        74,
        4.87,
        (720, 1280),
        0,
        False,
    ),  # times from the frames
    "ODD/nonzero_start_time.mp4": ("h264", 12, 8.7, (112, 199), 0, False),  # starts at 8.333 s
    "ODD/odd_size_321x241_444_10bit.mp4": ("h264", 25, 0.96, (241, 321), 0, False),
    "ODD/resolution_change_midway.webm": (
        "vp8",
        119,
        1.97,
        (300, 400),
        0,
        True,
    ),  # the size of the first frame
    "ODD/three_frames_rotated90.mov": ("h264", 3, 0.07, (568, 320), -90, False),  # on its side
    "ODD/tiny_8x8.mp4": ("h264", 50, 1.96, (8, 14), 0, False),  # 8 x 8 with pixels of 16:9
    "ODD/two_video_streams.mp4": ("h264", 390, 12.98, (270, 480), 0, False),  # the larger of both
    "ODD/unsupported_codec_vvc.mp4": (
        "vvc",
        120,
        4.96,
        (180, 320),
        0,
        False,
    ),  # FFmpeg knows it since 7.1
    "animation_bbb_24fps.mp4": ("h264", 720, 29.96, (480, 854), 0, False),
    "animation_llama_av1_24fps.webm": ("av1", 670, 29.96, (180, 320), 0, True),
    "asl_sign_book_30fps.mkv": ("h264", 109, 3.63, (480, 640), 0, False),
    "birds_mpeg4.avi": ("mpeg4", 96, 4.05, (400, 960), 0, True),
    "bottles_table_30fps.mp4": ("h264", 1189, 39.82, (360, 640), 0, False),
    "butterfly_30fps.mp4": ("h264", 226, 7.51, (720, 1280), 0, False),
    "campervan_theora_sar.ogv": ("theora", 125, 4.96, (288, 525), 0, False),
    "cars_overhead_12p5fps.mp4": ("h264", 377, 30.08, (432, 768), 0, False),
    "city_bikes_multishot_25fps.mp4": ("h264", 250, 9.96, (272, 640), 0, False),
    "climbing_portrait_25fps.mp4": ("h264", 351, 14.0, (960, 540), 0, False),
    "clock_timer_300s_24fps.mp4": ("h264", 7200, 299.96, (240, 320), 0, False),
    "coast_drone_gopro_30fps.mp4": ("h264", 362, 12.05, (480, 854), 0, False),
    "counting_numbers_mpeg4_30fps.mp4": ("mpeg4", 295, 9.8, (288, 352), 0, False),
    "cups_shell_game_30fps.mp4": ("h264", 300, 9.98, (720, 1280), 0, False),
    "derived_cups_vfr_hevc.mkv": ("hevc", 183, 9.98, (720, 1280), 0, True),
    "derived_highway_rotated90_meta.mp4": ("h264", 221, 8.8, (540, 960), 90, False),
    "dog_leash_30fps.mp4": ("h264", 289, 9.61, (720, 1280), 0, False),
    "film_tears_of_steel_vp8.webm": ("vp8", 1691, 70.42, (332, 798), 0, False),
    "fingers_tapping.mov": ("h264", 219, 7.24, (240, 320), 0, False),
    "firstperson_walk_gopro_30fps.mp4": ("h264", 315, 10.48, (480, 848), 0, False),
    "flower_timelapse_vp8.webm": ("vp8", 150, 4.97, (540, 960), 0, False),
    "highway_dashcam_25fps.mp4": ("h264", 221, 8.8, (540, 960), 0, False),
    "jump_off_and_walk_vp9_30fps.mp4": ("vp9", 230, 7.63, (994, 1768), 0, False),
    "man_dog_rotated_meta_30fps.mp4": ("h264", 149, 4.94, (1280, 720), 90, False),
    "man_greenscreen_60fps.mp4": ("h264", 1465, 24.42, (192, 320), 0, False),
    "mouse_openfield_30fps.mp4": ("h264", 2330, 77.63, (480, 640), 0, False),
    "people_one_by_one_10fps.mp4": ("h264", 1394, 139.3, (432, 768), 0, False),
    "person_turnaround_portrait_30fps.mp4": ("h264", 120, 3.97, (1000, 600), 0, False),
    "plaza_sculpture_msmpeg4.avi": ("msmpeg4v2", 496, 16.5, (360, 640), 0, False),
    "pour_coffee_30fps.mp4": ("h264", 287, 9.54, (720, 1280), 0, False),
    "rooftop_portrait_av1_10bit.mp4": ("av1", 127, 4.2, (1280, 720), 0, False),
    "screen_browser_hevc_60fps.mp4": ("hevc", 1021, 17.0, (1080, 1920), 0, False),
    "screen_chart_builder_vfr.mp4": ("h264", 1894, 20.9, (420, 948), 0, True),
    "screen_editor_vfr_vp8.webm": ("vp8", 1511, 124.42, (590, 826), 0, True),
    "screen_notebook_vp9_30fps.webm": ("vp9", 332, 11.03, (1194, 936), 0, False),
    "selfie_portrait_vp8_20fps.webm": ("vp8", 100, 4.95, (1920, 1080), 0, False),
    "soccer_juggling_24fps.mp4": ("h264", 247, 10.25, (720, 1280), 0, False),
    "street_portrait_hevc.mp4": ("hevc", 146, 4.97, (1840, 1376), 0, True),
    "telescope_crane_hevc_10bit.mp4": ("hevc", 325, 12.96, (180, 320), 0, False),
    "toy_rabbit_vp8.webm": ("vp8", 234, 7.77, (240, 320), 0, False),
}

#: Why the others cannot be used.
QUARANTINED = {
    "ODD/audio_only.mp4": "no_video_stream",
    "ODD/audio_with_cover_art.mp4": "cover_art",
    "ODD/bit_damage.mkv": "damaged",
    "ODD/corrupted_packets.mp4": "undecodable",
    "ODD/encrypted_cenc.mp4": "encrypted",
    "ODD/html_error_page.mp4": "unreadable",
    "ODD/missing_moov.mp4": "unreadable",
    "ODD/png_named_as.mp4": "still_image",
    "ODD/single_frame.mp4": "too_few_frames",
    "ODD/truncated_half.mp4": "truncated",
    "ODD/zero_bytes.mp4": "unreadable",
    "ODD/zero_frames.mp4": "no_frames",
}


@pytest.fixture(scope="session")
def scanned(real_videos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, VideoRow]:
    """All rows, of the command as a user would run it, which has to be silent."""
    table = tmp_path_factory.mktemp("scanned") / "videos.parquet"
    command = [sys.executable, "-m", "videossr", "scan", real_videos, "-o", table, "--quiet"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (0, "", "") == (ran.returncode, ran.stdout, ran.stderr)
    return {row.path: row for row in read_table(table)[0]}


def test_every_file_has_its_row(scanned: dict[str, VideoRow]) -> None:
    """Forty clips and 29 odd files, none left out."""
    assert sorted([*READ, *QUARANTINED]) == sorted(scanned)
    assert 69 == len(scanned)


@pytest.mark.parametrize("name", READ)
def test_a_file_that_plays_is_read_rightly(scanned: dict[str, VideoRow], name: str) -> None:
    """Every frame decoded, and what the row says is what an older FFmpeg says too."""
    row = scanned[name]
    assert ("ok", "all") == (row.state, row.checked), row.detail
    held = (row.codec, row.frames, round(row.last, 2), (row.height, row.width))
    assert READ[name] == (*held, row.rotation, row.variable)


@pytest.mark.parametrize("name", QUARANTINED)
def test_a_file_that_is_broken_is_quarantined(scanned: dict[str, VideoRow], name: str) -> None:
    """With the reason that is true of it, and a sentence."""
    row = scanned[name]
    assert ("quarantined", QUARANTINED[name]) == (row.state, row.reason)
    assert row.detail


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("name", [name for name in READ if name.startswith("ODD/")])
def test_what_is_not_quarantined_can_be_decoded(
    real_videos: Path, scanned: dict[str, VideoRow], name: str, backend: str
) -> None:
    """Odd as it is: eight frames at the times that were asked for."""
    if name.endswith("vvc.mp4") and backend == "torchcodec":
        pytest.skip("the FFmpeg of the machine may not know H.266")
    row = scanned[name]
    clip = decode(
        real_videos / name,
        target_times(row.first, row.last, 8),
        max_pixels=256 * 256,
        min_pixels=1,
        multiple=8,
        backend=backend,  # type: ignore[arg-type]
    )
    assert min(8, row.frames) == len(clip)
    assert [row.first, row.last] == pytest.approx(clip.times[[0, -1]].tolist(), abs=1e-6)


def test_the_number_of_workers_changes_nothing(real_videos: Path) -> None:
    """One process or three, the same rows."""
    rows = scan(real_videos, engine=Local(3), check="ends")
    assert rows == scan(real_videos, engine=Local(1), check="ends")
