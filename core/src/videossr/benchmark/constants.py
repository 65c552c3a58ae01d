"""The best constant: what the best guess of the blind floor earns on the benchmark's own questions.

The guess knows the words of the question and the times of the frames, as the floor does, and is chosen
by questions that the generator makes on noise: it has seen neither the pixels nor the answers. On
average it therefore earns the floor, and where it does not, the floor or the benchmark is at fault.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import torch
import xxhash

from videossr.calls import untraced
from videossr.clip import Clip
from videossr.errors import Unsuitable
from videossr.floor_cache import cache_folder, code_of
from videossr.floors import best_answer, light
from videossr.footage import Footage
from videossr.seeds import derive_seed, rng_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videossr.benchmark.question import Question
    from videossr.config import RunConfig
    from videossr.facades import Task
    from videossr.sample import Sample

#: Questions on noise by which a guess is chosen. By half as many it earns 0.4 points less at grounding.
_DRAWS: Final = 256

#: Of these, so many tell whether another timeline makes the same questions.
_TELLING: Final = 8

#: Answers that are tried besides those that the task itself gives, as for the floor.
_CANDIDATES: Final = 256

#: Pixels of the shorter side of the frames of noise, where these are enough for the task.
_SIDE: Final = 32


@dataclass(slots=True)
class Constants:
    """Gives the best guess for each question of a benchmark, and remembers it.

    Guesses are kept between runs, in the cache of blind floors, unless plugins are loose files.

    Args:
        config: that the benchmark was built with.
        digest: of the benchmark.
    """

    config: RunConfig
    digest: str
    _made: dict[tuple[object, ...], _Drawn] = field(default_factory=dict)
    _kept: dict[str, str] = field(default_factory=dict)
    _file: Path | None = None

    def __post_init__(self) -> None:
        code = code_of(self.config.plugins.values())
        if code is None:
            return
        name = xxhash.xxh3_128_hexdigest(f"{code} {self.digest}".encode())
        self._file = cache_folder() / "constants" / name
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except OSError:
            return
        for line in lines:
            try:
                key, guess = json.loads(line)
            except ValueError:
                continue  # torn by a kill, and made again
            self._kept[str(key)] = str(guess)

    def guess(self, question: Question) -> str:
        """The best answer to a question for one that does not look.

        Raises:
            Unsuitable: the task makes no question of noise with these times.
        """
        if question.key not in self._kept:
            self._kept[question.key] = self._guess(question)
            self._keep(question.key)
        return self._kept[question.key]

    def _guess(self, question: Question) -> str:
        task = self.config.tasks[question.subtask].task
        alike = (question.subtask, question.difficulty, len(question.times))
        telling = _draw(task, question, self.config.seed, range(_TELLING))
        # Of most tasks the answers do not hang on the seconds, and one choice serves all videos.
        same = self._made.get((*alike, *((one.question, one.answer) for one in telling)))
        if same is None:
            rest = _draw(task, question, self.config.seed, range(_TELLING, _DRAWS))
            same = _Drawn(task, [*telling, *rest])
            self._made[*alike, *((one.question, one.answer) for one in telling)] = same
        return same.guess(question.text)

    def _keep(self, key: str) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self._kept[key]]) + "\n")
        except OSError:
            self._file = None  # a cache that cannot be written costs time and nothing else


@dataclass(slots=True)
class _Drawn:
    """Questions on noise, and the best guess for each wording among them."""

    task: Task
    samples: Sequence[Sample]
    _best: dict[str, str] = field(default_factory=dict)

    def guess(self, wording: str) -> str:
        alike = [sample for sample in self.samples if sample.question == wording]
        if len(alike) < 2:  # noqa: PLR2004 - alone it would choose its own answer
            wording, alike = "", list(self.samples)
        if wording not in self._best:
            with untraced():
                self._best[wording] = best_answer(self.task, alike, _CANDIDATES)
        return self._best[wording]


def _draw(task: Task, question: Question, seed: int, draws: range) -> list[Sample]:
    """Questions on noise with the times of a question.

    Raises:
        Unsuitable: there is none.
    """
    reason = ""
    height, width = question.size
    scale = max(1, min(height, width) // _SIDE)
    for size in dict.fromkeys([(height // scale, width // scale), (height, width)]):
        noise = torch.Generator().manual_seed(derive_seed(seed, "constant noise") >> 1)
        shape = (len(question.times), 3, *size)
        frames = torch.randint(0, 256, shape, generator=noise, dtype=torch.uint8)
        clip = Clip(frames, torch.tensor(question.times, dtype=torch.float64))
        footage = Footage.noise(clip.times, size, derive_seed(seed, "constant footage"))
        samples = []
        with untraced():
            for draw in draws:
                rng = rng_for(seed, "constant", task.name, task.version, draw)
                try:
                    made = task.make_sample(
                        clip,
                        difficulty=question.difficulty,
                        rng=rng,
                        context="best constant",
                        footage=footage,
                    )
                except Unsuitable as error:
                    reason = str(error)
                    continue
                samples.append(made)
        if samples:
            return [light(sample) for sample in samples]
    raise Unsuitable(f"{question.key}: no question on noise with its times: {reason}")
