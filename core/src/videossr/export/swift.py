"""Questions as ms-swift reads them: JSON Lines, video files, a reward in an external plugin.

How many frames a file has and how large they are goes with each row, in `chat_template_kwargs`, which
ms-swift's Qwen templates hand to qwen-vl-utils; without, it would take two frames a second, and scale small
ones up.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr.export.peer import HandOver
    from videossr.export.question import Question
    from videossr.export.shown import Show


@dataclass(frozen=True, slots=True)
class Swift:
    """ms-swift, from release 4 on."""

    name: str = "ms-swift"
    title: str = "ms-swift"
    by_twos: bool = True

    @property
    def shows(self) -> Mapping[Show, str]:
        """Files alone."""
        return {"video": "", "frames": "it takes images in a list at one rate for all, that of FPS"}

    def write(self, handed: HandOver) -> None:
        """`SIDE.jsonl`, `reward.py`, the README."""
        for side, questions in handed.questions.items():
            handed.write_lines(side, (_row(handed, question) for question in questions))
        handed.write_reward("swift_reward.py.txt")
        handed.write_card(self)


def _row(handed: HandOver, question: Question) -> dict[str, Any]:
    return {
        "messages": question.chat(),
        "videos": [path for clip in question.clips for path in handed.paths(clip)],
        "solution": question.answer,
        "task": question.task,
        "target": question.target,
        "name": question.name,
        "chat_template_kwargs": _frames(question),
    }


def _frames(question: Question) -> dict[str, Any]:
    """How all frames of all clips are taken, at their size."""
    clips = question.clips
    counts = {clip.frames for clip in clips}
    # Where clips are of different length: at a rate that no file is above, each gives all of its frames.
    rate = {"fps": float(ceil(max(clip.rate for clip in clips)))}
    frames = {"nframes": counts.pop()} if len(counts) == 1 else rate
    areas = [clip.height * clip.width for clip in clips]
    return {**frames, "min_pixels": min(areas), "max_pixels": max(areas)}
