"""Reading a list of questions: JSON or JSON lines, every mistake with its line.

A row is an object with `video`, `question` and `answer`; `options`, where there are any; `category`, by
which scores are given too; `id`. Whatever else it has is left alone, and what looks like one of these
misspelt is noted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

import xxhash

from videossr.errors import ConfigError, Mistake
from videossr.wording import counted
from videossr_trainers.downstream.truths import read_truth, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videossr_trainers.downstream.truth import Truth
    from videossr_trainers.downstream.truths import Scorer

#: A single value of a row.
Plain = str | int | float

#: Fields that a row may do without, so that one of another name is not missed; from how like a name is
#: to one of them it is taken for it: `catgory` is, `sub_category` and `idx` are not.
_OPTIONAL: Final = ("options", "category", "id")
_LIKE: Final = 0.82

#: Mistakes that are told one by one; of more, how many.
_TOLD: Final = 100

_DECODER: Final = json.JSONDecoder(parse_constant=lambda name: _refuse(f"{name} is no number"))


@dataclass(frozen=True, slots=True)
class Row:
    """One question of a list.

    Attributes:
        line: at which it begins, from 1.
        number: of the row, from 1.
        name: its `id`, or its number.
        video: path as the list has it.
        question: as the list has it.
        truth: the right answer.
        category: by which scores are given; empty where the row has none.
        facets: its other plain fields.
    """

    line: int
    number: int
    name: str
    video: str
    question: str
    truth: Truth
    category: str = ""
    facets: Mapping[str, Plain] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The text that a model is asked."""
        return self.truth.prompt(self.question)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that asks nothing, and why.

    Attributes:
        line: at which it begins, from 1.
        number: of the row, from 1.
        video: as far as it names one.
        mistakes: everything wrong with it, each by its field.
    """

    line: int
    number: int
    video: str
    mistakes: tuple[Mistake, ...]

    @property
    def reason(self) -> str:
        """Everything wrong with it, in words."""
        return "; ".join(f"{one.where} {one.problem}".strip() for one in self.mistakes)


@dataclass(frozen=True, slots=True)
class QuestionList:
    """A list as it was read.

    Attributes:
        path: the file.
        digest: XXH3 of its bytes, 128 bits, hexadecimal.
        rows: questions, in the order of the file.
        malformed: rows that are none.
        misspelt: how many rows have a field of no meaning, by its name and the one that it is like.
    """

    path: Path
    digest: str
    rows: tuple[Row, ...]
    malformed: tuple[Malformed, ...]
    misspelt: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def refuse_mistakes(self) -> None:
        """Raise `ConfigError` with every mistake in the list, if there are any."""
        mistakes = [
            Mistake(
                f"{self.path} line {row.line}, row {row.number}",
                f"{m.where} {m.problem}".strip(),
                m.right,
            )
            for row in self.malformed
            for m in row.mistakes
        ]
        if len(mistakes) > _TOLD:
            more = counted(
                len(mistakes) - _TOLD, "more mistake like these", "more mistakes like these"
            )
            mistakes = [*mistakes[:_TOLD], Mistake(str(self.path), more)]
        if mistakes:
            raise ConfigError(mistakes)


def read_list(path: Path, scorer: Scorer) -> QuestionList:
    """Read a list of questions. Nothing is looked up: videos may be missing.

    Args:
        path: a JSON array, or a JSON object on each line.
        scorer: how its answers are read and graded.

    Raises:
        ConfigError: no such file, no text, neither of the two forms, or no question in it.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        problem = error.strerror or str(error)
        raise ConfigError(Mistake(str(path), problem, "give a list of questions")) from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        right = "save the list as UTF-8"
        raise ConfigError(Mistake(f"{path} line {line}", "no UTF-8 text", right)) from error
    rows: list[Row] = []
    malformed: list[Malformed] = []
    misspelt: Counter[tuple[str, str]] = Counter()
    objects = _array(text) if text.lstrip().startswith("[") else _lines(text)
    for number, (line, entry) in enumerate(objects, start=1):
        made = _row(line, number, entry, scorer)
        misspelt.update(_misspelt(entry))
        if isinstance(made, Row):
            rows.append(made)
        else:
            malformed.append(made)
    if not rows and not malformed:
        right = 'give objects such as {"video": "a.mp4", "question": "...", "answer": "..."}'
        raise ConfigError(Mistake(str(path), "holds no question", right))
    names = Counter(row.name for row in rows)
    unique = [row for row in rows if names[row.name] == 1]
    for row in rows:
        if names[row.name] > 1:
            mistake = Mistake("id", f"{row.name!r} is that of several rows", "must be unique")
            malformed.append(Malformed(row.line, row.number, row.video, (mistake,)))
    malformed.sort(key=lambda row: row.number)
    digest = xxhash.xxh3_128_hexdigest(content)
    return QuestionList(path, digest, tuple(unique), tuple(malformed), dict(misspelt))


@dataclass(frozen=True, slots=True)
class _NoJson:
    """Text that is no JSON, and why."""

    problem: str


def _lines(text: str) -> Iterator[tuple[int, object]]:
    """The entries of JSON lines, each with its line. One that cannot be read costs itself alone."""
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            yield line, _decoded(content.strip())


def _decoded(text: str) -> object:
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        return _NoJson(_words(error))
    return value if end == len(text) else _NoJson("more than one value on the line")


def _array(text: str) -> Iterator[tuple[int, object]]:
    """The entries of a JSON array, each with the line at which it begins.

    What comes after the first that cannot be read is lost: nobody knows where the next begins.
    """
    at = text.index("[") + 1
    counted, line = 0, 1

    def line_of(place: int) -> int:
        nonlocal counted, line
        line += text.count("\n", counted, place)
        counted = place
        return line

    at = _past_space(text, at)
    if text[at : at + 1] == "]":
        return
    while True:
        begins = line_of(at)
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            place = error.pos if isinstance(error, json.JSONDecodeError) else at
            yield line_of(max(place, counted)), _NoJson(f"{_words(error)}; the list is cut here")
            return
        yield begins, value
        at = _past_space(text, at)
        if text[at : at + 1] == "]":
            if text[at + 1 :].strip():
                yield line_of(at), _NoJson("the list goes on after its end")
            return
        if text[at : at + 1] != ",":
            yield (
                line_of(min(at, len(text))),
                _NoJson("neither , nor ] after a row; the list is cut here"),
            )
            return
        at = _past_space(text, at + 1)


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _words(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON ({error.msg}, column {error.colno})"
    return "no JSON (nested too deep)" if isinstance(error, RecursionError) else str(error)


def _refuse(problem: str) -> NoReturn:
    raise ValueError(f"no JSON ({problem})")


def _row(line: int, number: int, entry: object, scorer: Scorer) -> Row | Malformed:
    if isinstance(entry, _NoJson):
        return Malformed(line, number, "", (Mistake("", entry.problem),))
    if not isinstance(entry, Mapping):
        right = "must be an object with video, question and answer"
        return Malformed(line, number, "", (Mistake("", f"{shown(entry)} is no row", right),))
    if not _whole(entry):
        return Malformed(
            line, number, "", (Mistake("", "holds half of a character", "write it whole"),)
        )
    text, name_or_number = "must be a text that says something", "must be a text or a whole number"
    mistakes = [
        Mistake(name, _found(entry, name), text)
        for name in ("video", "question")
        if not (isinstance(entry.get(name), str) and entry[name].strip())
    ]
    for name in ("category", "id"):
        value = entry.get(name, "")
        if not isinstance(value, str | int) or isinstance(value, bool):
            mistakes.append(Mistake(name, _found(entry, name), name_or_number))
    question = entry["question"] if isinstance(entry.get("question"), str) else ""
    truth, wrong = read_truth(scorer, question, entry)
    video = entry["video"] if isinstance(entry.get("video"), str) else ""
    if truth is None or mistakes or wrong:
        return Malformed(line, number, video, (*mistakes, *wrong))
    return Row(
        line=line,
        number=number,
        name=str(entry.get("id", "")) or f"row {number}",
        video=video,
        question=question.strip(),
        truth=truth,
        category=str(entry.get("category", "")),
        facets=_facets(entry),
    )


def _facets(entry: Mapping[str, Any]) -> dict[str, Plain]:
    """The fields by which a row might be grouped: single values that are not the question's own."""
    own = {"video", "question", "answer", "options", "id"}
    return {
        name: value
        for name, value in entry.items()
        if name not in own and isinstance(value, str | int | float) and value != ""
    }


def _misspelt(entry: object) -> Iterator[tuple[str, str]]:
    """The fields of a row that are like one that it lacks, each with that one."""
    if not isinstance(entry, Mapping):
        return
    for name in entry:
        known = _like(name)
        if known and known not in entry:
            yield name, known


@lru_cache
def _like(name: str) -> str | None:
    near = get_close_matches(name.casefold(), _OPTIONAL, n=1, cutoff=_LIKE)
    return near[0] if near else None


def _whole(entry: object) -> bool:
    """Whether its texts can be written to a file: JSON may escape halves of characters."""
    try:
        json.dumps(entry, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _found(entry: Mapping[str, Any], name: str) -> str:
    return f"is {shown(entry[name])}" if name in entry else "is missing"
