"""Samples as a person sees them: a contact sheet, and what was said."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image
from plain_recipes import plain_recipe
from toy_tasks import marking_task

from videossr import Clip, PluginError, Sample
from videossr.sample import question_prompt
from videossr_trainers.rollouts.groups import Completion, GradedGroup
from videossr_trainers.rollouts.recording import Recording
from videossr_trainers.rollouts.sample_log import Shown, contact_sheet

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.facades import Task

ORANGE = (255, 120, 0)


@pytest.fixture
def task() -> Task:
    """The task that marks."""
    return marking_task()


def grey(frames: int, value: int = 0, *, height: int = 64, width: int = 64) -> Clip:
    """A clip of one grey."""
    pixels = torch.full((frames, 3, height, width), value, dtype=torch.uint8)
    return Clip(pixels, torch.arange(frames).double())


def sheet(task: Task, sample: Sample) -> Image.Image:
    """The contact sheet as a picture."""
    return Image.open(BytesIO(contact_sheet(task, sample))).convert("RGB")


def test_a_clip_is_shown_in_rows(task: Task) -> None:
    """By hand: sixteen frames of 64 x 64, eight in a row, 4 pixels between and 14 for the times."""
    picture = sheet(task, Sample(question_prompt(None, "?"), (grey(48, 10),), "1"))
    assert (8 * 68, 2 * 82) == picture.size
    for row in range(2):
        for column in range(8):
            assert (10, 10, 10) == picture.getpixel((column * 68 + 32, row * 82 + 32))


def test_large_frames_are_reduced_and_small_ones_are_not(task: Task) -> None:
    """By hand: 320 x 640 becomes 80 x 160; of the frame's shape nothing is lost."""
    clip = grey(2, height=320, width=640)
    picture = sheet(task, Sample(question_prompt(None, "?"), (clip,), "1"))
    assert (2 * 164, 80 + 18) == picture.size


def test_several_clips_lie_below_each_other(task: Task) -> None:
    """Four frames of each, in the order of the prompt."""
    clips = tuple(grey(12, value) for value in (50, 100, 150))
    picture = sheet(task, Sample(question_prompt(None, None, None, "?"), clips, "123"))
    assert (4 * 68, 3 * 82) == picture.size
    assert [(50,) * 3, (100,) * 3, (150,) * 3] == [
        picture.getpixel((32, row * 82 + 32)) for row in range(3)
    ]


def test_what_is_marked_is_framed(task: Task) -> None:
    """A span frames its frames, a box its place, and other frames and clips have nothing."""
    target = {"marked": [[0, 1, 3, "x", None], [1, 0, 1, "x", [16, 16, 32, 32]]]}
    clips = (grey(4), grey(4))
    picture = sheet(task, Sample(question_prompt(None, None, "?"), clips, "1", target))
    assert [False, True, True, False] == [
        ORANGE == picture.getpixel((column * 68, 32)) for column in range(4)
    ]
    assert ORANGE == picture.getpixel((16, 82 + 32))
    assert ORANGE == picture.getpixel((47, 82 + 32))
    assert (0, 0, 0) == picture.getpixel((0, 82 + 32))
    assert (0, 0, 0) == picture.getpixel((68 + 16, 82 + 32))


def test_a_fault_of_the_marks_names_its_plugin(task: Task) -> None:
    """It ends the run rather than showing half."""
    sample = Sample(question_prompt(None, "?"), (grey(4),), "1", {"bug": True})
    with pytest.raises(PluginError, match=r"'marking'.*marks.*KeyError"):
        contact_sheet(task, sample)


def test_both_files_are_written_whole(task: Task, tmp_path: Path) -> None:
    """The picture as drawn, the facts as JSON, in the place of earlier ones."""
    sample = Sample(question_prompt(None, "Which?"), (grey(4),), "7", {"best": 9})
    answers = (Completion("7", (1,), 1.0, parsed=True), Completion("x|y", (2,), 0.0, parsed=False))
    recipe = plain_recipe("marking", 3, difficulty=0.25)
    group = GradedGroup(recipe, "Which?", "7", {"best": 9}, substituted=False, completions=answers)
    shown = Shown(group, contact_sheet(task, sample), (0.5, -0.5))
    for _ in range(2):
        shown.write(tmp_path, 50)
    names = ["step_000050_marking.json", "step_000050_marking.png"]
    assert names == sorted(path.name for path in (tmp_path / "samples").iterdir())
    facts = json.loads((tmp_path / "samples" / names[0]).read_text())
    assert {
        "step": 50,
        "task": "marking",
        "index": 3,
        "difficulty": 0.25,
        "video": "a.mp4",
        "seed": 1,
        "question": "Which?",
        "answer": "7",
        "target": {"best": 9},
        "completions": [
            {"text": "7", "reward": 1.0, "parsed": True, "advantage": 0.5},
            {"text": "x|y", "reward": 0.0, "parsed": False, "advantage": -0.5},
        ],
    } == facts
    assert shown.picture == (tmp_path / "samples" / names[1]).read_bytes()
    assert "0.000  'x|y'" in shown.text


@pytest.mark.parametrize(
    ("every", "steps"), [(0, []), (3, [1, 3, 6]), (1, [1, 2, 3, 4, 5, 6])], ids=str
)
def test_when_samples_are_shown(tmp_path: Path, every: int, steps: list[int]) -> None:
    """The first step and every so many; never where that is 0."""
    recording = Recording(tmp_path, samples_every=every)
    assert steps == [step for step in range(1, 7) if recording.shows(step)]
