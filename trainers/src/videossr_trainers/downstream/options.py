"""The options of a multiple-choice question, and which of them a text names."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final, Self

from videossr.errors import Unparsable
from videossr_trainers.downstream.form import bare, folded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A label alone: `B`, `(B)`, `B)`, `Option B`.
_ALONE: Final = re.compile(
    r"(?:(?:option|choice|answer) )?[(\[]?(?P<label>\w{1,3})[)\]]?[:.]?", re.ASCII | re.IGNORECASE
)
#: A label, something that parts it from what follows, and a text.
_WITH_TEXT: Final = re.compile(
    r"(?:(?:option|choice|answer) )?(?:[(\[](?P<inside>\w{1,3})[)\]][:.]?|(?P<label>\w{1,3})[).:]) ?"
    r"(?P<text>\S.*)",
    re.ASCII | re.IGNORECASE,
)
#: Letters under which a question lists options.
_LISTED: Final = re.compile(r"(?:^|[\s(\[])([A-Z])[).\]:]", re.ASCII | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Options:
    """What there is to choose from.

    Attributes:
        labels: of the options, in order, such as A, B, C.
        texts: one for each label; none where they stand in the question itself.
        question: in which the texts stand, where they do.
    """

    labels: tuple[str, ...]
    texts: tuple[str, ...] = ()
    question: str = ""

    @classmethod
    def of_list(cls, texts: Sequence[str]) -> Self:
        """Options A, B, C, ...; labels that the texts begin with already are taken off."""
        letters = tuple(string.ascii_uppercase[: len(texts)])
        labelled = [_WITH_TEXT.fullmatch(text) for text in texts]
        found = [(m["inside"] or m["label"]).upper() for m in labelled if m]
        if found == list(letters):
            texts = [match["text"] for match in labelled if match]
        return cls(letters, tuple(texts))

    @classmethod
    def of_mapping(cls, texts: Mapping[str, str]) -> Self:
        """Options by their own labels."""
        return cls(tuple(label.upper() for label in texts), tuple(texts.values()))

    @classmethod
    def in_question(cls, question: str) -> Self:
        """Options that the question lists itself, under letters; any letter where it does not."""
        listed = set(_LISTED.findall(question))
        letters = tuple(takewhile(listed.__contains__, string.ascii_uppercase))
        return cls(letters if len(letters) > 1 else tuple(string.ascii_uppercase), (), question)

    @property
    def lines(self) -> list[str]:
        """A line for each option; none where they stand in the question."""
        return [f"{label}. {text}" for label, text in zip(self.labels, self.texts, strict=False)]

    @property
    def instruction(self) -> str:
        """How to answer."""
        if not self.texts:
            return "Answer with the letter of the right option alone."
        labels = f"{', '.join(self.labels[:-1])} or {self.labels[-1]}"
        what = "letter" if all(label.isalpha() for label in self.labels) else "label"
        return f"Answer with the {what} of the right option alone: {labels}."

    def named(self, label: str) -> str:
        """A label with its text, where that is known."""
        if not self.texts:
            return label
        return f"{label}. {self.texts[self.labels.index(label)]}"

    def read(self, text: str) -> str:
        """The label of the option that a text names: by its label, its text, or both.

        Raises:
            Unparsable: it names none, or a label together with what is not that option's text.
        """
        stated = bare(text)
        alone = _ALONE.fullmatch(stated)
        if alone and alone["label"].upper() in self.labels:
            return alone["label"].upper()
        if (by_text := self._with_text(stated)) is not None:
            return by_text
        both = _WITH_TEXT.fullmatch(stated)
        label = (both["inside"] or both["label"]).upper() if both else ""
        if both and label in self.labels:
            if self._is_text_of(label, both["text"]):
                return label
            raise Unparsable(f"names {label} and another text than that option's")
        raise Unparsable("names none of the options by its label or its text")

    def _with_text(self, stated: str) -> str | None:
        same = [
            label
            for label, text in zip(self.labels, self.texts, strict=False)
            if folded(text) == folded(stated)
        ]
        return same[0] if len(same) == 1 else None

    def _is_text_of(self, label: str, text: str) -> bool:
        if self.texts:
            return folded(self.texts[self.labels.index(label)]) == folded(text)
        return folded(text) in folded(self.question)
