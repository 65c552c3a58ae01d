"""The folder of a run: what was asked of which model, what it answered, what that is worth.

run.json          the benchmark, the model, decoding, versions, figures; `state` says whether it is done
questions.jsonl   each question as it was shown, with what grading needs, and no pixels
answers.jsonl     each answer under each condition, with its reward, or why there is none
baselines.jsonl   what the oracle, the best constant and chance earn on each question
scores.json       the scores of all of these

While a run is going on a hidden journal beside `answers.jsonl` holds what there is. Answers under a
condition that was left before all were asked are kept, to go on from, and are in no figure.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self

from videossr import ConfigError, DatasetError
from videossr.atomic import UNFINISHED, write_text
from videossr.benchmark import Graded, Question
from videossr.errors import Mistake
from videossr.journal import Journal
from videossr_trainers.answering import Answer
from videossr_trainers.answering.cost import Spent
from videossr_trainers.answering.sitting import Usage
from videossr_trainers.bench.otherwise import otherwise
from videossr_trainers.pages.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

FORMAT: Final = 2

RUN: Final = "run.json"
QUESTIONS: Final = "questions.jsonl"
ANSWERS: Final = "answers.jsonl"
BASELINES: Final = "baselines.jsonl"
SCORES: Final = "scores.json"

#: The cache of answers, which may be there before the run is.
CACHE: Final = "cache.jsonl"

#: The hidden file of a run that is going on.
_JOURNAL: Final = f".{ANSWERS}.journal"

#: What must be the same for a run to go on in a folder; `otherwise` says in what it is not.
_SAME: Final = ("benchmark", "model", "decoding")


@dataclass(frozen=True, slots=True)
class Given:
    """An answer under a condition.

    Attributes:
        condition, key: to which question, and what was shown.
        subtask, video: that the question belongs to, and the hash of what it is about.
        text: what the model said.
        prompt_tokens, completion_tokens: as the model counts them; None where it does not say.
        failure: why there is no answer; empty where there is one.
        truncated: whether the limit of tokens cut the answer off, as far as the model says.
        value, parsed, reason: the score, as `videossr.facades.Score`.
    """

    condition: str
    key: str
    subtask: str
    video: str
    text: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failure: str = ""
    truncated: bool = False
    value: float = 0.0
    parsed: bool = False
    reason: str = ""

    @property
    def given(self) -> Answer:
        """As the model gave it."""
        tokens = self.prompt_tokens, self.completion_tokens
        return Answer(self.text, *tokens, self.failure or None, self.truncated)

    @property
    def graded(self) -> Graded:
        """As it is measured."""
        parsed = self.parsed and not self.failure
        return Graded(self.key, self.subtask, self.video, self.value, parsed, self.failure)


class Collected:
    """Questions and answers as they come, in memory: what a process keeps that is not the main one."""

    def __init__(self) -> None:
        self.questions: dict[str, Question] = {}
        self.answers: dict[tuple[str, str], Given] = {}

    def keep_question(self, question: Question) -> None:
        """Keep a question."""
        self.questions.setdefault(question.key, question)

    def keep_answer(self, answer: Given) -> None:
        """Keep an answer."""
        self.answers[answer.condition, answer.key] = answer

    def keep(self, one: Question | Given) -> None:
        """Keep what is one or the other."""
        if isinstance(one, Given):
            self.keep_answer(one)
        else:
            self.keep_question(one)


class RunFolder(Collected):
    """A run's folder while it is being filled. Threads may share one.

    Args:
        folder: made if need be.
        facts: of the run, plain JSON values; `benchmark`, `model` and `decoding` say which run it is.

    Raises:
        ConfigError: the folder holds something else, or another process is filling it.
        DatasetError: the run that it holds is damaged.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        super().__init__()
        #: Why questions have no answer, of a run that was done: true until they are asked again.
        self.failed: dict[tuple[str, str], Given] = {}
        self.folder = folder
        self.facts = dict(facts)
        #: Whether the folder says that the run is going on. One that was done stays so until there is more.
        self._begun = False
        self._lock = Lock()
        head = ["videossr bench run", FORMAT, *(self.facts[name] for name in _SAME)]
        self._journal = Journal(folder / ANSWERS, head, "another run is writing here")

    def __enter__(self) -> Self:
        self._refuse_other()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._journal.__enter__()
        try:
            self._take_up()
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._journal.__exit__(None, None, None)
            raise DatasetError(f"{self.folder}: damaged run: {error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._journal.__exit__(kind, error, traceback)

    def keep_question(self, question: Question) -> None:
        """Keep a question, so that it outlives this process."""
        with self._lock:
            if question.key not in self.questions:
                self._begin()
                super().keep_question(question)
                self._journal.add(["question", question.tree()])

    def keep_answer(self, answer: Given) -> None:
        """Keep an answer, so that it outlives this process; one that failed is asked for again."""
        with self._lock:
            self._begin()
            super().keep_answer(answer)
            if not answer.failure:
                self._journal.add(["answer", asdict(answer)])

    def given(self, condition: str, key: str) -> Given | None:
        """What became of a question under a condition, lately or before; None where it was never asked."""
        return self.answers.get((condition, key)) or self.failed.get((condition, key))

    def finish(
        self,
        questions: Iterable[Question],
        answers: Iterable[Given],
        baselines: Iterable[Mapping[str, Any]],
        scores: Mapping[str, Any],
        figures: Mapping[str, Any],
    ) -> None:
        """Write what came of the run.

        Args:
            questions: in the benchmark's order.
            answers: graded, in order; those of conditions that were left as well.
            baselines: a row for each question and baseline.
            scores: of all of them.
            figures: of the run, for `run.json`.
        """
        write_rows(self.folder / QUESTIONS, (question.tree() for question in questions))
        write_rows(self.folder / BASELINES, baselines)
        write_json(self.folder / SCORES, scores)
        write_rows(self.folder / ANSWERS, map(asdict, answers))
        facts = {"format": FORMAT, "state": "done", **self.facts, **figures}
        write_json(self.folder / RUN, facts)
        self._journal.remove()

    def _take_up(self) -> None:
        done = (self.folder / ANSWERS).exists()  # and is taken up again
        if done:
            for question in _rows(self.folder / QUESTIONS):
                self._take_question(question)
            for answer in _rows(self.folder / ANSWERS):
                self._take_answer(answer)
        for kind, entry in self._journal.entries:
            {"question": self._take_question, "answer": self._take_answer}[kind](entry)
        if not done or self._journal.entries:
            self._begin()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            write_json(self.folder / RUN, {"format": FORMAT, "state": "running", **self.facts})

    def _refuse_other(self) -> None:
        path = self.folder / RUN
        if not path.exists():
            if self.folder.exists() and (
                not self.folder.is_dir()
                or not all(_of_a_beginning(path.name) for path in self.folder.iterdir())
            ):
                right = "choose another folder for the run"
                raise ConfigError(Mistake(str(self.folder), "exists, and is no run", right))
            return
        found = read_run(self.folder)
        other = otherwise(found, self.facts, str(self.folder))
        if other and self._answered():
            right = "give another folder by -o, or ask as it was asked before"
            raise ConfigError(other, f"{self.folder} holds another run: {right}")

    def _answered(self) -> bool:
        """Whether a run has an answer here: one that never got any, by a typo perhaps, is in nobody's way."""
        journal = self.folder / _JOURNAL
        return (self.folder / ANSWERS).exists() or (
            journal.exists()
            and any(line.startswith(b'["answer"') for line in journal.read_bytes().splitlines())
        )

    def _take_question(self, tree: Mapping[str, Any]) -> None:
        question = Question.read(tree)
        self.questions.setdefault(question.key, question)

    def _take_answer(self, tree: Mapping[str, Any]) -> None:
        answer = Given(**tree)
        kept = self.failed if answer.failure else self.answers
        kept[answer.condition, answer.key] = answer


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that is done, as its folder has it.

    Attributes:
        folder: of the run.
        facts: of `run.json`.
        questions: in the benchmark's order.
        answers: by condition and key, under the conditions that all questions were asked under.
        baselines: rows of `baselines.jsonl`.
    """

    folder: Path
    facts: Mapping[str, Any]
    questions: tuple[Question, ...]
    answers: Mapping[tuple[str, str], Given]
    baselines: tuple[Mapping[str, Any], ...]

    @property
    def told(self) -> dict[str, str]:
        """What the answers took in words, as label and text; nothing where no model was asked."""
        if self.facts["model"] is None:
            return {}
        usage, prices = Usage.read(self.facts["session"])
        unreadable = self._unreadable()
        left = ", ".join(
            f"{condition} after {asked:,} of {sum(self.facts['subtasks'].values()):,} questions"
            for condition, asked in self.facts.get("left", {}).items()
        )
        return {
            "answers in all": Spent(**self.facts["answers"]).in_words(),
            **({"without the form of an answer, worth 0": unreadable} if unreadable else {}),
            **({"left unfinished, to go on with by --conditions": left} if left else {}),
            "asked in the last session": usage.in_words(prices),
        }

    def _unreadable(self) -> str:
        """How many answers have not the form of one, by condition; empty where all have it."""
        answered = [given for given in self.answers.values() if not given.failure]
        asked = Counter(given.condition for given in answered)
        unread = Counter(given.condition for given in answered if not given.parsed)
        return ", ".join(
            f"{condition} {unread[condition]:,} of {count:,}"
            for condition, count in asked.items()
            if unread[condition]
        )

    @classmethod
    def load(cls, folder: Path) -> Finished:
        """Read a run.

        Raises:
            ConfigError: there is none.
            DatasetError: it is not done, or it is damaged.
        """
        facts = read_run(folder)
        if facts.get("state") != "done":
            right = "the same `videossr bench run` again goes on with it"
            raise DatasetError(f"{folder}: the run is not done; {right}")
        try:
            answers = [Given(**row) for row in _rows(folder / ANSWERS)]
            return cls(
                folder,
                facts,
                tuple(Question.read(row) for row in _rows(folder / QUESTIONS)),
                {(a.condition, a.key): a for a in answers if a.condition in facts["conditions"]},
                tuple(_rows(folder / BASELINES)),
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{folder}: damaged run: {error}") from error


def read_run(folder: Path) -> dict[str, Any]:
    """What `run.json` says.

    Raises:
        ConfigError: it is missing.
        DatasetError: it is damaged, or of another format.
    """
    path = folder / RUN
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        problem = f"no run, {RUN} is missing"
        right = "`videossr bench run` makes one"
        raise ConfigError(Mistake(str(folder), problem, right)) from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: damaged: {error}") from error
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise DatasetError(f"{path}: of another format; this version of videossr reads {FORMAT}")
    return tree


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a line for each row; the file appears whole or not at all."""
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def _of_a_beginning(name: str) -> bool:
    """Whether a file may be there before `run.json`: one of the cache, or what a kill has left."""
    return CACHE in name or name == _JOURNAL or name.endswith(UNFINISHED)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
