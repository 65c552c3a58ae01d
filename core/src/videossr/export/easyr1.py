"""Questions as EasyR1 reads them: JSON Lines, video files, a reward function.

EasyR1 has one frame rate and one range of sizes for all videos, and gives a reward function no more than the
text of the answer. So the answer carries what our reward needs, and `easyr1.yaml` has the settings by which
all frames are taken, at their size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr.export.peer import HandOver
    from videossr.export.question import Question
    from videossr.export.shown import Show

#: Its settings for these questions.
SETTINGS = "easyr1.yaml"


@dataclass(frozen=True, slots=True)
class EasyR1:
    """EasyR1, of the release whose reward functions get a list of dictionaries."""

    name: str = "easyr1"
    title: str = "EasyR1"
    by_twos: bool = True

    @property
    def shows(self) -> Mapping[Show, str]:
        """Files alone."""
        return {"video": "", "frames": "it takes images in a list for half a second apart"}

    def write(self, handed: HandOver) -> None:
        """`SIDE.jsonl`, `reward.py`, the settings, the README."""
        for side, questions in handed.questions.items():
            handed.write_lines(
                side,
                (
                    {
                        "problem": _problem(question),
                        "answer": _truth(question),
                        "videos": [path for clip in question.clips for path in handed.paths(clip)],
                    }
                    for question in questions
                ),
            )
        areas = [clip.height * clip.width for clip in handed.clips]
        sides = list(handed.questions)
        settings = {
            "data": {
                "train_files": str(handed.place / f"{sides[0]}.jsonl"),
                "val_files": str(handed.place / f"{sides[-1]}.jsonl"),
                "prompt_key": "problem",
                "answer_key": "answer",
                "video_key": "videos",
                # At a rate that no file is above, each gives all of its frames.
                "video_fps": float(ceil(max(clip.rate for clip in handed.clips))),
                "min_pixels": min(areas),
                "max_pixels": max(areas),
                "format_prompt": None,
            },
            "worker": {
                "reward": {"reward_function": f"{handed.place / 'reward.py'}:compute_score"}
            },
        }
        handed.write_text(SETTINGS, yaml.safe_dump(settings, sort_keys=False))
        handed.write_reward("easyr1_reward.py.txt")
        handed.write_card(self, settings=SETTINGS)


def _problem(question: Question) -> str:
    """The words of the user, since that is all that EasyR1 takes; those of a system stand before them."""
    return "\n".join(message["content"] for message in question.chat())


def _truth(question: Question) -> str:
    return json.dumps(
        {name: getattr(question, name) for name in ("name", "task", "answer", "target")}
    )
