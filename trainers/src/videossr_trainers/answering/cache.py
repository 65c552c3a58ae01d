"""Answers on disk, by a hash of what was asked."""

from __future__ import annotations

import json
import os
import threading
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import xxhash
from filelock import FileLock

from videossr import ConfigError
from videossr.errors import Mistake
from videossr_trainers.answering.answer import Answer
from videossr_trainers.answering.content import sample_digest

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from videossr.sample import Sample
    from videossr_trainers.answering.answer import Decoding

#: The first line of every file.
_HEAD: Final = b'{"videossr": "answers", "version": 1}\n'

#: What reading a line may raise that is not as it was written.
_DAMAGE: Final = (ValueError, TypeError, KeyError, AttributeError)


def content_key(identity: str, decoding: Decoding, sample: Sample) -> str:
    """A hash (XXH3, 128 bits, hexadecimal) of all that determines a model's answers.

    The model, how it is asked, and what it is shown and told, as in `sample_digest`.
    """
    whole = json.dumps([identity, asdict(decoding), sample_digest(sample)], sort_keys=True)
    return xxhash.xxh3_128_hexdigest(whole.encode())


class AnswerCache:
    """A file of answers, a line of JSON for each question; lines are only ever added.

    Any number of processes and threads may use a file at a time: each sees what the others have added.
    What a kill has torn is cut off with a warning the next time.

    Args:
        path: the file, made with its folder if need be.

    Raises:
        ConfigError: the file is damaged, or is none of answers.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._answers: dict[str, tuple[Answer, ...]] = {}
        self._read = self._lines = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        # Held by whoever reads or writes, so that half a line is always a dead process's. A kill
        # releases it.
        self._lock: Final = FileLock(path.with_name(f".{path.name}.lock"), thread_local=False)
        self._threads: Final = threading.Lock()
        with self._threads, self._lock, path.open("a+b") as file:
            self._catch_up(file)

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> tuple[Answer, ...] | None:
        """The answers of this key; None where there are none, from any process."""
        with self._threads:
            if key not in self._answers and self._size() != self._read:
                with self._lock, self.path.open("a+b") as file:
                    self._catch_up(file)
            return self._answers.get(key)

    def add(self, key: str, answers: tuple[Answer, ...]) -> None:
        """Keep answers; when this returns, they outlive this process.

        Raises:
            ValueError: one of them is a failure.
        """
        if any(answer.failure is not None for answer in answers):
            raise ValueError(
                f"answers: {answers}; a failure is not kept, so that it is asked again"
            )
        with self._threads, self._lock, self.path.open("a+b") as file:
            self._catch_up(file)
            line = _line(key, answers)
            file.write(line)
            self._answers[key] = answers
            self._read += len(line)
            self._lines += 1

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _catch_up(self, file: BinaryIO) -> None:
        """Take in what has been added since the last time; the lock must be held."""
        if os.fstat(file.fileno()).st_size < self._read:
            raise self._damaged("has shrunk while in use")
        file.seek(self._read)
        new = file.read()
        whole, torn = new[: new.rfind(b"\n") + 1], new[new.rfind(b"\n") + 1 :]
        for line in whole.splitlines(keepends=True):
            self._take(line)
        if torn:
            self._mend(file, torn)
        if not self._lines:
            file.write(_HEAD)
            file.flush()
            self._lines, self._read = 1, len(_HEAD)

    def _mend(self, file: BinaryIO, torn: bytes) -> None:
        """Make an end of a line that has none; the lock is ours, so whoever wrote it is no more."""
        if not (self._lines or _HEAD.startswith(torn)):
            raise self._foreign()
        if self._lines:
            try:
                _entry(torn)
            except _DAMAGE:
                pass
            else:  # all but the end of the line
                file.write(b"\n")
                self._take(torn + b"\n")
                return
        file.truncate(self._read)
        warnings.warn(
            f"{self.path}: {len(torn)} bytes at the end, torn by a kill, are dropped", stacklevel=2
        )

    def _take(self, line: bytes) -> None:
        if not self._lines and line != _HEAD:
            raise self._foreign()
        if self._lines:
            try:
                key, answers = _entry(line)
            except _DAMAGE as error:
                raise self._damaged(f"line {self._lines + 1} is damaged") from error
            self._answers[key] = answers
        self._lines += 1
        self._read += len(line)

    def _damaged(self, problem: str) -> ConfigError:
        right = (
            "take that line out by hand, whose question is then asked again, or name another file"
        )
        return ConfigError(Mistake(str(self.path), problem, right))

    def _foreign(self) -> ConfigError:
        right = "name another file, or one that is not there yet"
        return ConfigError(Mistake(str(self.path), "is no file of answers", right))


def _line(key: str, answers: tuple[Answer, ...]) -> bytes:
    entry: dict[str, Any] = {"key": key, "answers": [asdict(answer) for answer in answers]}
    return json.dumps({**entry, "check": _check(entry)}).encode() + b"\n"


def _entry(line: bytes) -> tuple[str, tuple[Answer, ...]]:
    entry = json.loads(line)
    if entry.pop("check") != _check(entry):
        raise ValueError("the line is not as it was written")
    return entry["key"], tuple(Answer(**answer) for answer in entry["answers"])


def _check(entry: dict[str, Any]) -> str:
    return xxhash.xxh3_64_hexdigest(json.dumps(entry).encode())
