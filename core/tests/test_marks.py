"""Marks: what they may be, and whose fault it is when they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from toy_plugins import Pick, PickConfig, registry_of

from videossr import Clip, PluginError, Sample
from videossr.marks import Box, Mark, marks_of
from videossr.sample import question_prompt

if TYPE_CHECKING:
    from videossr.facades import Task

CLIP = Clip(torch.zeros(8, 3, 24, 32, dtype=torch.uint8), torch.arange(8).double())
SAMPLE = Sample(question_prompt(None, None, "Which?"), (CLIP, CLIP), "1")


def marking(marks: Any) -> Task:  # noqa: ANN401 - whatever a stranger has there
    """A task whose plugin has this for a method `marks`."""
    plugin = Pick()
    plugin.marks = marks  # type: ignore[attr-defined]
    return registry_of(pick=plugin).task("pick", PickConfig(), 0.5)


def test_a_plugin_without_marks_has_none() -> None:
    """The method is optional."""
    plain = registry_of(pick=Pick()).task("pick", PickConfig(), 0.5)
    assert () == marks_of(plain, SAMPLE)


def test_marks_are_given_in_their_order() -> None:
    """The last frame, the last clip and the last pixel are inside."""
    marks = [Mark(1, 0, 8, "all"), Mark(0, 7, 8, "corner", Box(0, 0, 32, 24), tone=1.0)]
    assert tuple(marks) == marks_of(marking(lambda _sample: marks), SAMPLE)


@pytest.mark.parametrize(
    ("mark", "problem"),
    [
        (Mark(2, 0, 1, "x"), "there are 2 clips"),
        (Mark(0, 0, 9, "x"), "the clip has 8 frames"),
        (Mark(0, 0, 1, "x", Box(0, 0, 33, 1)), "the frames have 32 x 24 pixels"),
        (Mark(0, 0, 1, "x", Box(0, -1, 3, 3)), "the frames have 32 x 24 pixels"),
        ((0, 0, 1, "x"), "must give `videossr.marks.Mark`s"),
    ],
)
def test_what_lies_elsewhere_is_the_plugins_fault(mark: object, problem: str) -> None:
    """The error names the plugin, the method, the sample and what is wrong."""
    with pytest.raises(PluginError, match=problem) as caught:
        marks_of(marking(lambda _sample: [mark]), SAMPLE, "video a.mp4, seed 7")
    assert ("pick", "marks") == (caught.value.plugin, caught.value.hook)
    assert "video a.mp4, seed 7" in str(caught.value)


@pytest.mark.parametrize(
    ("marks", "problem"),
    [
        (lambda _sample: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (list, "raised TypeError"),
        (lambda _sample: None, "raised TypeError"),
        ("a text", "raised TypeError"),
    ],
)
def test_what_raises_is_the_plugins_fault(marks: object, problem: str) -> None:
    """Whatever is raised, it comes out under the plugin's name, with its cause."""
    with pytest.raises(PluginError, match=problem) as caught:
        marks_of(marking(marks), SAMPLE)
    assert "pick" == caught.value.plugin
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((0, 3, 3, "x"), "frames 3 to 3 of clip 0; must be"),
        ((-1, 0, 1, "x"), "of clip -1; must be"),
        ((0, -1, 1, "x"), "frames -1 to 1"),
        ((0, 0, 1, " "), "label: ' '; must be"),
        ((0, 0, 1, "x", Box(0, 0, 0, 1)), "box: "),
        ((0, 0, 1, "x", Box(float("nan"), 0, 1, 1)), "box: "),
        ((0, 0, 1, "x", None, 1.5), "tone: 1.5; must be from 0 to 1"),
    ],
)
def test_a_mark_is_somewhere(arguments: tuple[Any, ...], problem: str) -> None:
    """No frames, no label, no area, no place on the scale: refused at once."""
    with pytest.raises(ValueError, match=problem):
        Mark(*arguments)
