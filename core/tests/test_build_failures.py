"""What ends a build, and what it passes over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from toy_builds import PICK, configured
from toy_plugins import Pick, registry_of

from videossr import Clip, DatasetError, HookCall, PluginError, Sample, Unsuitable, hookimpl
from videossr.build import build
from videossr.engine import Local
from videossr.procedural import write_videos
from videossr.scan import scan

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from videossr.video_table import VideoRow


class Camera(Pick):
    """Refuses every video, and makes questions of what is drawn up for it."""

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, rng: random.Random, call: HookCall
    ) -> Sample:
        """A digit, or not."""
        if "video" in call.context:
            raise Unsuitable("too long")
        return super().make_sample(clip, Pick.Config(), 0.5, rng)


# Videos that will not do


def test_another_video_is_taken_for_one_that_will_not_do(
    drawn_videos: Path, tmp_path: Path
) -> None:
    """One short video among four that are too long carries all five questions.

    Each video is tried for one question; then the four that failed go to the one that has not.
    """
    for file in sorted(drawn_videos.iterdir())[:4]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (short,) = write_videos(tmp_path / "short", 1, seed=9, seconds=1, fps=8, height=48, width=48)
    config = configured({"pick": {"longest_s": 1.0}}, size=5)
    dataset = build(config, scan(tmp_path), tmp_path)
    expected = short.relative_to(tmp_path).as_posix()
    assert [expected] * 5 == [recipe.video for recipe in dataset.recipes]
    assert {"pick": {"too long": 4}} == dataset.header.left_out


def test_what_befalls_one_task_is_not_seen_in_another(drawn_videos: Path, tmp_path: Path) -> None:
    """Its failures, and the broken videos that it comes upon, leave the substitutes of the others alone."""
    for file in sorted(drawn_videos.iterdir())[:4]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_videos(tmp_path / "short", 3, seed=9, seconds=1, fps=8, height=48, width=48)
    found = scan(tmp_path)
    (tmp_path / found[2].path).write_bytes(b"")
    picky = {"plugin": "pick", "longest_s": 1.0}
    outcomes = []
    for other in ({"longest_s": 1.0}, {"longest_s": 9.0}, {"longest_s": 9.0, "enabled": False}):
        config = configured({"picky": picky, "pick": other}, size=14)
        recipes = build(config, found, tmp_path).recipes
        outcomes.append([recipe for recipe in recipes if recipe.task == "picky"])
    assert 7 == len(outcomes[0])
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_video_that_breaks_after_the_scan_is_told(drawn_videos: Path, tmp_path: Path) -> None:
    """It is passed over with the decoder's reason, and the others carry its questions."""
    for file in sorted(drawn_videos.iterdir())[:3]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    found = scan(tmp_path)
    victim = tmp_path / found[1].path
    victim.write_bytes(victim.read_bytes()[:100])
    dataset = build(configured(), found, tmp_path)
    assert 12 == len(dataset.recipes)
    assert victim.name not in {recipe.video for recipe in dataset.recipes}
    broken = dataset.header.broken
    assert [victim.name] == list(broken)
    assert broken[victim.name]
    assert str(tmp_path) not in broken[victim.name]


def test_without_a_usable_video_there_is_no_dataset(tmp_path: Path) -> None:
    """Quarantined videos are no videos."""
    (tmp_path / "a.mp4").write_bytes(b"")
    for found in (scan(tmp_path), []):
        with pytest.raises(DatasetError) as caught:
            build(configured(), found, tmp_path)
        expected = f"{tmp_path}: no usable video; `videossr scan` says why each was quarantined"
        assert re.fullmatch(expected, str(caught.value))


def test_a_question_that_no_video_carries_is_told(
    drawn_videos: Path, drawn_rows: list[VideoRow]
) -> None:
    """With the task's own reasons, counted."""
    with pytest.raises(DatasetError) as caught:
        build(configured(PICK, registry=registry_of(pick=Camera())), drawn_rows, drawn_videos)
    expected = (
        r"task 'pick': none of 5 videos that were tried, of 5, can carry question \d+: 5 x too long"
    )
    assert re.fullmatch(expected, str(caught.value))


@pytest.mark.parametrize(
    ("video", "reason"),
    [
        ({"spacing": 9}, "shorter than a window of 63 s"),
        (
            {"num_frames": 64, "min_frames": 20},
            "fewer than video.min_frames=20 frames in the window",
        ),
    ],
)
def test_what_the_table_tells_ends_a_build_before_it_starts(
    drawn_rows: list[VideoRow], tmp_path: Path, video: dict[str, Any], reason: str
) -> None:
    """No video is opened: there is none where they are said to be."""
    with pytest.raises(DatasetError) as caught:
        build(configured(PICK, **video), drawn_rows, tmp_path)
    expected = f"task 'pick': none of the 5 videos can carry its questions: 5 x {reason}"
    assert expected == str(caught.value)


def test_all_reasons_are_counted(drawn_videos: Path, tmp_path: Path) -> None:
    """Unsuitable and broken videos side by side."""
    for file in sorted(drawn_videos.iterdir())[:3]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    found = scan(tmp_path)
    (tmp_path / found[0].path).write_bytes(b"")
    with pytest.raises(DatasetError, match=r": 2 x too long(; 1 x \S+|; 1 more cannot be decoded)"):
        build(configured(PICK, registry=registry_of(pick=Camera())), found, tmp_path)


# Failures


def test_a_hook_that_raises_ends_the_build(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """With the video and the seed, by which it can be repeated."""

    class Raising(Pick):
        @hookimpl
        def make_sample(self) -> Sample:  # type: ignore[override] # hooks take what they need
            raise IndexError("out of range")

    registry = registry_of(pick=Raising())
    with pytest.raises(PluginError) as caught:
        build(configured(PICK, registry=registry), drawn_rows, drawn_videos, engine=Local(2))
    promised = build(configured(PICK), drawn_rows, drawn_videos).recipes
    culprits = [
        "plugin 'pick' (unknown), hook 'make_sample', "
        f"video {recipe.video}, seed {recipe.seed}: raised IndexError: out of range"
        for recipe in promised
    ]
    assert str(caught.value) in culprits


def test_an_interruption_lets_the_rest_go(drawn_videos: Path, drawn_rows: list[VideoRow]) -> None:
    """Ctrl-C while progress is shown does not wait for the questions not yet begun."""
    made = []

    class Counting(Pick):
        @hookimpl
        def make_sample(  # type: ignore[override] # hooks take what they need
            self, clip: Clip, rng: random.Random
        ) -> Sample:
            made.append(clip)
            return super().make_sample(clip, Pick.Config(), 0.5, rng)

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt(done, total)

    config = configured(PICK, size=500, registry=registry_of(pick=Counting()))
    with pytest.raises(KeyboardInterrupt):
        build(config, drawn_rows, drawn_videos, progress=interrupted)
    assert 1 <= len(made) < 250
