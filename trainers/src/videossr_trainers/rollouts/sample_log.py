"""Some questions of a step as a person sees them: the frames on a contact sheet, and what was said.

run/samples/step_000050_TASK.png     the frames, those that the task marks framed
run/samples/step_000050_TASK.json    question, true answer, completions and rewards
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from videossr.atomic import write_bytes, write_text
from videossr.gallery.sheet import FRAMES, FRAMES_OF_SEVERAL, frames_shown
from videossr.marks import marks_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr.clip import Clip
    from videossr.facades import Task
    from videossr.marks import Mark
    from videossr.sample import Sample
    from videossr_trainers.rollouts.groups import GradedGroup

#: The folder of a run that they lie in.
FOLDER: Final = "samples"

#: Pixels of the longer side of a frame, between frames, and for the line below them.
_SIDE: Final = 160
_GAP: Final = 4
_LINE: Final = 14

#: Pixels of a letter, about.
_LETTER: Final = 6

_IN_A_ROW: Final = 8
_MARKED: Final = (255, 120, 0)
_PAPER: Final = (255, 255, 255)
_INK: Final = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """A question of a step with its answers.

    Attributes:
        picture: the contact sheet, PNG.
        advantages: of the completions; none where they were not at hand.
    """

    group: GradedGroup
    picture: bytes
    advantages: tuple[float, ...] = ()

    @property
    def image(self) -> Image.Image:
        """The contact sheet."""
        return Image.open(BytesIO(self.picture))

    @property
    def text(self) -> str:
        """All of it in lines to read."""
        recipe = self.group.recipe
        lines = [
            f"{recipe.name}, difficulty {recipe.difficulty:g}",
            *self.group.question.splitlines(),
            f"answer: {self.group.answer}",
        ]
        lines += [f"{one.reward:.3f}  {one.text!r}" for one in self.group.completions]
        return "\n".join(lines)

    @property
    def table(self) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Columns and rows of the completions."""
        columns = ("question", "answer", "completion", "reward", "parsed")
        return columns, [
            (self.group.question, self.group.answer, one.text, one.reward, one.parsed)
            for one in self.group.completions
        ]

    def write(self, run: Path, step: int) -> None:
        """Write both files below a run's folder, each in one step."""
        recipe = self.group.recipe
        facts = {
            "step": step,
            "task": recipe.task,
            "index": recipe.index,
            "difficulty": recipe.difficulty,
            "video": recipe.video,
            "seed": recipe.seed,
            "question": self.group.question,
            "answer": self.group.answer,
            "target": dict(self.group.target),
            "completions": [
                {"text": one.text, "reward": one.reward, "parsed": one.parsed}
                | ({"advantage": self.advantages[number]} if self.advantages else {})
                for number, one in enumerate(self.group.completions)
            ],
        }
        stem = run / FOLDER / f"step_{step:06d}_{recipe.task}"
        write_bytes(stem.with_suffix(".png"), self.picture)
        write_text(stem.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")


def contact_sheet(task: Task, sample: Sample, context: str = "") -> bytes:
    """The frames of a sample as one picture, PNG: the ends, those at the marks, and some between.

    Below each stands its time in seconds; frames that the task marks are framed, with the mark's label
    where there is room, and boxes drawn.

    Args:
        context: which sample that is, for an error to name.

    Raises:
        PluginError: the task's marks are at fault.
    """
    marks = marks_of(task, sample, context)
    wanted = FRAMES if len(sample.clips) == 1 else FRAMES_OF_SEVERAL
    strips = [
        _strip(clip, [mark for mark in marks if mark.clip == number], wanted)
        for number, clip in enumerate(sample.clips)
    ]
    width = max(strip.width for strip in strips)
    sheet = Image.new("RGB", (width, sum(strip.height for strip in strips)), _PAPER)
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    buffer = BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _strip(clip: Clip, marks: Sequence[Mark], wanted: int) -> Image.Image:
    """Some frames of one clip, in rows."""
    borders = {border for mark in marks for border in (mark.start, mark.stop - 1)}
    numbers = frames_shown(len(clip), borders, wanted)
    scale = min(1.0, _SIDE / max(clip.height, clip.width))
    width, height = round(clip.width * scale), round(clip.height * scale)
    across, down = width + _GAP, height + _LINE + _GAP
    columns = min(_IN_A_ROW, len(numbers))
    strip = Image.new("RGB", (columns * across, -(-len(numbers) // columns) * down), _PAPER)
    draw = ImageDraw.Draw(strip)
    for place, number in enumerate(numbers):
        left, top = place % columns * across, place // columns * down
        pixels = clip.frames[number].permute(1, 2, 0).contiguous().cpu().numpy()
        frame = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
        strip.paste(frame, (left, top))
        labels = [f"{float(clip.times[number]):.1f} s"]
        for mark in marks:
            if mark.start <= number < mark.stop:
                labels += [] if mark.box else [mark.label]
                x, y, wide, high = mark.box or (0, 0, clip.width, clip.height)
                right, bottom = (x + wide) * scale - 1, (y + high) * scale - 1
                edges = (left + x * scale, top + y * scale, left + right, top + bottom)
                draw.rectangle(edges, outline=_MARKED, width=2)
        line = " ".join(labels)[: width // _LETTER]
        draw.text((left + 2, top + height + 1), line, fill=_INK)
    return strip
