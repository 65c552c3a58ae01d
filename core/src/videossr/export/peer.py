"""What it takes to write for another trainer: what it reads, and the parts that all such folders have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

from videossr.export.card import card
from videossr.export.rewards import CONFIG, rewards_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from videossr.dataset import Dataset
    from videossr.export.question import Question
    from videossr.export.shown import Show, Shown, Writer


@dataclass(frozen=True, slots=True)
class HandOver:
    """Rendered questions, and where they go.

    Attributes:
        dataset: that they are of.
        questions: by side of the split, none without any.
        folder: where to write; the pictures are there already.
        place: where the folder will lie when it is read.
        writer: how the pictures were written.
        left_out: why questions were left out, counted.
    """

    dataset: Dataset
    questions: Mapping[str, Sequence[Question]]
    folder: Path
    place: Path
    writer: Writer
    left_out: Mapping[str, int]

    @property
    def files(self) -> dict[str, int]:
        """The sizes of the pictures' files by path below the folder."""
        found: dict[str, int] = {}
        for some in self.questions.values():
            for question in some:
                found |= question.files
        return found

    @property
    def clips(self) -> list[Shown]:
        """The clips of all questions."""
        return [c for some in self.questions.values() for one in some for c in one.clips]

    def paths(self, clip: Shown) -> list[str]:
        """The whole paths of a clip's files, where they will lie."""
        return [str(self.place / name) for name in clip.files]

    def write_text(self, name: str, text: str) -> None:
        """A file of the folder."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def write_lines(self, side: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """The JSON Lines of a side."""
        self.write_text(f"{side}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    def write_reward(self, template: str) -> None:
        """The reward that the trainer loads, and the settings that it holds under.

        Args:
            template: which of the files beside this module.
        """
        text = resources.files("videossr.export").joinpath(template).read_text("utf-8")
        self.write_text("reward.py", text)
        self.write_text(CONFIG, rewards_config(self.dataset))

    def write_card(self, peer: Peer, **facts: object) -> None:
        """The README, which says how the trainer is given all this.

        Args:
            facts: what the peer's part of the template takes.
        """
        self.write_text("README.md", card(self, peer, **facts))


class Peer(Protocol):
    """A trainer, or a library, that questions are handed over to."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def title(self) -> str:
        """As its authors write it."""
        ...

    @property
    def shows(self) -> Mapping[Show, str]:
        """How it can be shown clips, the usual way first; to each an empty text, or why it is not possible."""
        ...

    @property
    def by_twos(self) -> bool:
        """Whether it reads the frames of a video file by twos, and loses one that is left."""
        ...

    def write(self, handed: HandOver) -> None:
        """Write all but the pictures."""
        ...
