"""A rendered question: what the model is shown, what it should say, and what the reward needs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

import xxhash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.clip import Clip


class Part(TypedDict):
    """One part of a message: a place for a video, or text."""

    type: Literal["video", "text"]
    text: NotRequired[str]


class Message(TypedDict):
    """One message of a chat, in the format that Hugging Face processors take."""

    role: Literal["system", "user", "assistant"]
    content: list[Part]


@dataclass(frozen=True, slots=True)
class Sample:
    """A question about one or several clips, with its answer.

    Args:
        prompt: the chat up to the answer. Its video parts, in order, stand for `clips`.
        clips: what is shown. Each has a timeline of its own, which the model reads as text.
        answer: the text that scores 1.0.
        target: whatever else the reward or a viewer needs, as plain JSON values; for instance the
            frame numbers of an altered segment.

    Raises:
        TypeError: a prompt, clips or an answer of another type.
        ValueError: as many video parts as clips are required, an answer, and a JSON target.
    """

    prompt: Sequence[Message]
    clips: tuple[Clip, ...]
    answer: str
    target: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _refuse_types(self.prompt, self.clips, self.answer)
        videos = sum(
            part["type"] == "video" for message in self.prompt for part in message["content"]
        )
        if videos != len(self.clips) or not videos:
            raise ValueError(
                f"prompt: {videos} video parts for {len(self.clips)} clips; must be as many"
            )
        if not self.answer:
            raise ValueError("answer: empty; must be the text that scores 1.0")
        try:
            json.dumps(self.target, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"target: {error}; must be plain JSON values") from error

    @property
    def question(self) -> str:
        """The text of the prompt, without its videos."""
        return "\n".join(
            part["text"]
            for message in self.prompt
            for part in message["content"]
            if part["type"] == "text"
        )

    def digest(self) -> str:
        """A hash (XXH3, 128 bits, hexadecimal) of everything: pixels, times, prompt, answer, target.

        Equal digests mean that the sample was rendered alike, to the bit.
        """
        hasher = xxhash.xxh3_128()
        text = [list(self.prompt), self.answer, dict(self.target)]
        hasher.update(json.dumps(text, sort_keys=True).encode())
        for clip in self.clips:
            hasher.update(str(tuple(clip.frames.shape)).encode())
            hasher.update(clip.frames.contiguous().numpy().data)
            hasher.update(clip.times.contiguous().numpy().data)
        return hasher.hexdigest()


def _refuse_types(prompt: object, clips: object, answer: object) -> None:
    """Raise `TypeError` for what is easily taken for the right thing."""
    from videossr.clip import Clip  # noqa: PLC0415 - plugins are listed without torch

    if isinstance(prompt, str):
        right = 'must be messages, such as those of question_prompt(None, "What is it?")'
        raise TypeError(f"prompt: a text; {right}")
    if not isinstance(clips, tuple) or not all(isinstance(clip, Clip) for clip in clips):
        found = type(clips).__name__
        raise TypeError(f"clips: {found}; must be a tuple of Clip, (clip,) for a single one")
    if not isinstance(answer, str):
        found = f"{answer!r} is {type(answer).__name__}"
        raise TypeError(f"answer: {found}; must be text, str(answer) perhaps")


def question_prompt(*parts: str | None) -> list[Message]:
    """One user message from texts in order, with None standing for the place of a video."""
    content: list[Part] = [
        {"type": "video"} if part is None else {"type": "text", "text": part} for part in parts
    ]
    return [{"role": "user", "content": content}]
