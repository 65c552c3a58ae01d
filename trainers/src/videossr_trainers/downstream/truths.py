"""The right answer of a row, by the scorer that a list is read with."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeGuard

from videossr.errors import Mistake, Unparsable
from videossr_trainers.downstream.form import bare, folded
from videossr_trainers.downstream.options import Options
from videossr_trainers.downstream.spans import Span, read_span
from videossr_trainers.downstream.truth import Choice, Exact, Number, Spans
from videossr_trainers.downstream.values import read_number

if TYPE_CHECKING:
    from videossr_trainers.downstream.truth import Truth

#: How answers are read and graded. `vqa` takes a row with options, or whose answer is one capital
#: letter, for a choice, and any other for an exact text.
Scorer = Literal["vqa", "choice", "exact", "number", "iou"]

#: What the questions that each grades are called.
SCORERS: Final[dict[Scorer, str]] = {
    "vqa": "questions",
    "choice": "multiple choice",
    "exact": "exact answers",
    "number": "numbers",
    "iou": "spans",
}

#: A question has so many options at most: there are as many letters.
_MOST_OPTIONS: Final = 26

_LABEL: Final = re.compile(r"\w{1,3}", re.ASCII)
_LETTER: Final = re.compile(r"[(\[]?[A-Z][)\].]?", re.ASCII)


class _WrongError(Exception):
    """What is wrong with a field, and what would be right."""

    def __init__(self, field: str, problem: str, right: str) -> None:
        self.mistake = Mistake(field, problem, right)
        super().__init__(problem)


def read_truth(
    scorer: Scorer, question: str, entry: Mapping[str, Any]
) -> tuple[Truth | None, list[Mistake]]:
    """The right answer of a row, or everything that is wrong with the fields that state it.

    Args:
        scorer: how answers are read and graded.
        question: the row's own.
        entry: the row, of which `answer` and `options` are read.
    """
    if "answer" not in entry:
        return None, [Mistake("answer", "is missing", "must state the right answer")]
    answer = entry["answer"]
    try:
        return _truth(scorer, question, answer, entry.get("options")), []
    except _WrongError as error:
        return None, [error.mistake]


def _truth(scorer: Scorer, question: str, answer: object, options: object) -> Truth:
    if scorer == "iou":
        return Spans(_spans(answer))
    if scorer == "number":
        return Number(_number(answer))
    by_letter = isinstance(answer, str) and _LETTER.fullmatch(answer.strip()) is not None
    if scorer == "choice" or (scorer == "vqa" and (options is not None or by_letter)):
        return _choice(question, answer, options)
    return Exact(_texts(answer))


def _choice(question: str, answer: object, stated: object) -> Choice:
    options = Options.in_question(question) if stated is None else _options(stated)
    right = f"must be one of {', '.join(options.labels)}, or an option's text"
    if not isinstance(answer, str):
        # A number may count from 0 or from 1, and nobody knows.
        raise _WrongError("answer", f"is {shown(answer)}", right)
    same = [text for text in options.texts if folded(text) == folded(answer)]
    if len(same) > 1:
        raise _WrongError("answer", f"{shown(answer)} is the text of {len(same)} options", right)
    try:
        return Choice(options, options.read(answer))
    except Unparsable as error:
        raise _WrongError("answer", f"{shown(answer)} {error}", right) from error


def _options(stated: object) -> Options:
    right = "must be a list of texts, or an object of labels and texts; 2 to 26 of them"
    if isinstance(stated, Mapping):
        labels, texts = [*map(str, stated)], [*stated.values()]
    elif isinstance(stated, Sequence) and not isinstance(stated, str):
        labels, texts = [], [*stated]
    else:
        raise _WrongError("options", f"is {shown(stated)}", right)
    if not 1 < len(texts) <= _MOST_OPTIONS:
        raise _WrongError("options", f"has {len(texts)}", right)
    for text in texts:
        if isinstance(text, bool) or not isinstance(text, str | int | float) or str(text) == "":
            raise _WrongError("options", f"{shown(text)} is no text", right)
    texts = [" ".join(str(text).split()) for text in texts]
    if not labels:
        return Options.of_list(texts)
    for label in labels:
        if not _LABEL.fullmatch(label):
            right = "must be a letter or a number of at most three characters"
            raise _WrongError("options", f"{label!r} is no label", right)
    if len({label.upper() for label in labels}) < len(labels):
        raise _WrongError("options", "has a label twice, in capitals and small letters", right)
    return Options.of_mapping(dict(zip(labels, texts, strict=True)))


def _texts(answer: object) -> tuple[str, ...]:
    right = "must be a text, or a list of texts of which any is right"
    several = answer if isinstance(answer, Sequence) and not isinstance(answer, str) else [answer]
    if isinstance(answer, list) and answer and all(map(_is_number, answer)):
        right += "; a span of time is for `videossr eval grounding`, or --scorer iou"
        raise _WrongError("answer", f"is {shown(answer)}", right)
    texts = []
    for text in several:
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise _WrongError("answer", f"is {shown(text)}", right)
        try:
            bare(str(text))
        except Unparsable as error:
            raise _WrongError("answer", f"{shown(text)} {error}", right) from error
        texts.append(str(text))
    if not texts:
        raise _WrongError("answer", "is an empty list", right)
    return tuple(texts)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(answer: object) -> float:
    right = "must be a number, such as 3"
    if _is_number(answer):
        try:
            if math.isfinite(number := float(answer)):
                return number
        except OverflowError:  # a whole number that no float can hold
            pass
    elif isinstance(answer, str):
        try:
            return read_number(answer)
        except Unparsable:
            pass
    raise _WrongError("answer", f"is {shown(answer)}", right)


def _spans(answer: object) -> tuple[Span, ...]:
    """One span as [start, end] or as text, or a list of such."""
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        if not answer:
            raise _WrongError("answer", "is an empty list", _SPAN)
        if not all(isinstance(part, int | float) for part in answer):
            return tuple(_span(part) for part in answer)
    return (_span(answer),)


_SPAN: Final = (
    'must be [start, end] in seconds or "14.5-26.2", the end after the start, or a list of these'
)


def _span(stated: object) -> Span:
    span = None
    if isinstance(stated, str):
        try:
            span = read_span(stated)
        except Unparsable:
            span = None
    elif isinstance(stated, Sequence) and len(stated) == 2:  # noqa: PLR2004 - start and end
        try:
            span = Span(*map(_number, stated))
        except _WrongError:
            span = None
    if span is None or not 0 <= span.start < span.end:
        raise _WrongError("answer", f"{shown(stated)} is no span", _SPAN)
    return span


def shown(value: object) -> str:
    """A JSON value as a message shows it, cut off where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - about a line
