"""The README of a folder that is handed over: what is in it, and how its reader is told of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jinja2
import yaml

from videossr.gallery.choice import level_of
from videossr.markdown import fenced, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.export.peer import HandOver, Peer
    from videossr.export.question import Question


@dataclass(frozen=True, slots=True)
class _Group:
    """Questions of one task on one side."""

    task: str
    side: str
    questions: int
    videos: int
    levels: str
    floor: float


def card(handed: HandOver, peer: Peer, **facts: object) -> str:
    """The text of the README, in Markdown, with the front matter of the Hugging Face Hub.

    Args:
        facts: what the peer's part of the template takes.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("videossr.export", ""),
        autoescape=False,  # noqa: S701 - Markdown; strangers' texts go through `plain`
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters |= {"plain": plain, "fenced": fenced, "quoted": shlex.quote}
    return environment.get_template("card.md.jinja").render(
        front=yaml.safe_dump(_front(handed), sort_keys=False, allow_unicode=True),
        peer=peer,
        handed=handed,
        groups=_groups(handed),
        packages=sorted({one["distribution"] for one in handed.dataset.plugins.values()}),
        total=sum(map(len, handed.questions.values())),
        config=yaml.safe_dump(dict(handed.dataset.config), sort_keys=False),
        **facts,
    )


def _front(handed: HandOver) -> dict[str, object]:
    total = sum(map(len, handed.questions.values()))
    return {
        "pretty_name": handed.place.name,
        "task_categories": ["video-text-to-text"],
        "tags": ["video", "reinforcement-learning", "self-supervised", "videossr"],
        "size_categories": [_size(total)],
        # The videos are somebody's, and only they can say.
        "license": "other",
    }


def _size(questions: int) -> str:
    """The Hub's name for a number of rows."""
    steps = [1_000, 10_000, 100_000, 1_000_000]
    names = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M"]
    return names[sum(questions >= step for step in steps)]


def _groups(handed: HandOver) -> list[_Group]:
    groups = []
    for side, questions in handed.questions.items():
        by_task: dict[str, list[Question]] = {}
        for question in questions:
            by_task.setdefault(question.task, []).append(question)
        groups += [_group(task, side, some) for task, some in by_task.items()]
    return groups


def _group(task: str, side: str, questions: Sequence[Question]) -> _Group:
    levels = sorted({question.difficulty for question in questions})
    ends = dict.fromkeys(level_of(level) for level in (levels[0], levels[-1]))
    return _Group(
        task=task,
        side=side,
        questions=len(questions),
        videos=len({question.video for question in questions}),
        levels=" … ".join(ends),
        floor=sum(question.floor for question in questions) / len(questions),
    )
