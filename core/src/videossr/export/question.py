"""A question as it is handed over, before it has the form of one trainer or another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from videossr.benchmark import key_of
from videossr.errors import DatasetError
from videossr.export.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.dataset import Recipe
    from videossr.sample import Message, Sample

#: By what trainers that take prompts as text know the place of a video, and of what else there may be.
VIDEO: Final = "<video>"
_PLACES: Final = (VIDEO, "<image>", "<audio>")


@dataclass(frozen=True, slots=True)
class Question:
    """A rendered question.

    Attributes:
        name: the task and the question's number in it, such as `anomaly/7`.
        task, index, plugin, plugin_version, video, difficulty, seed: as in `Recipe`.
        floor: the blind floor.
        messages: the chat, as in `Sample.prompt`.
        clips: what its video parts stand for.
        answer: the text that scores 1.0.
        target: what else the reward needs, as JSON text.
    """

    name: str
    task: str
    index: int
    plugin: str
    plugin_version: str
    video: str
    difficulty: float
    seed: int
    floor: float
    messages: Sequence[Message]
    clips: tuple[Shown, ...]
    answer: str
    target: str

    @classmethod
    def of(cls, recipe: Recipe, sample: Sample, clips: Sequence[Shown], floor: float) -> Question:
        """The question of a recipe.

        Args:
            sample: what it renders to, and `clips`, how its clips were written.
        """
        return cls(
            name=key_of(recipe),
            task=recipe.task,
            index=recipe.index,
            plugin=recipe.plugin,
            plugin_version=recipe.plugin_version,
            video=recipe.video,
            difficulty=recipe.difficulty,
            seed=recipe.seed,
            floor=floor,
            messages=sample.prompt,
            clips=tuple(clips),
            answer=sample.answer,
            target=json.dumps(dict(sample.target), sort_keys=True),
        )

    @property
    def files(self) -> dict[str, int]:
        """The sizes of its files by path below the folder that is handed over."""
        return {
            name: size
            for clip in self.clips
            for name, size in zip(clip.files, clip.bytes, strict=True)
        }

    def chat(self) -> list[dict[str, str]]:
        """The messages as texts, with `<video>` in the places of videos, and after it what has to be told.

        Parts follow each other without a gap, as chat templates put them.

        Raises:
            DatasetError: the text itself has such a word, and would be taken for a place.
        """
        clips = iter(self.clips)
        messages = []
        for message in self.messages:
            texts = []
            for part in message["content"]:
                if part["type"] == "video":
                    told = "".join(f"{sentence}\n" for sentence in next(clips).told)
                    texts.append(f"{VIDEO}{told}")
                    continue
                for place in _PLACES:
                    if place in part["text"]:
                        problem = f"its text has {place!r}, which stands for something to look at"
                        raise DatasetError(
                            f"{self.name}: {problem}; have the task word it otherwise"
                        )
                texts.append(part["text"])
            messages.append({"role": message["role"], "content": "".join(texts)})
        return messages

    def as_json(self) -> dict[str, Any]:
        """As plain values, which `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Question:
        """What `as_json` gave, read from JSON."""
        return cls(**{**tree, "clips": tuple(map(Shown.from_json, tree["clips"]))})
