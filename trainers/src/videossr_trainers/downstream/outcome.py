"""What came of each row of a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from videossr.sample import Sample, question_prompt
from videossr_trainers.downstream.truth import grade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr_trainers.answering import Answer
    from videossr_trainers.downstream.asking import Asking
    from videossr_trainers.downstream.reading import QuestionList, Row
    from videossr_trainers.downstream.videos import Videos

#: graded: answered, in the form of an answer. unparsed: answered without it, and worth 0. failed: the model
#: gave no answer. broken: the video cannot be read. missing: there is no such video. malformed: the row
#: asks nothing, or states no right answer that can be one.
State = Literal["graded", "unparsed", "failed", "broken", "missing", "malformed"]

#: States in words, in the order in which they are told.
STATES: Final[dict[State, str]] = {
    "graded": "answered and graded",
    "unparsed": "answered, not in the form of an answer",
    "failed": "asked, and no answer came",
    "broken": "the video cannot be read",
    "missing": "there is no such video",
    "malformed": "the row is malformed",
}

#: The states of rows to which the model had something to say.
ANSWERED: Final[frozenset[State]] = frozenset({"graded", "unparsed"})

#: Those of questions that have no answer, though there was something to ask.
UNANSWERED: Final[frozenset[State]] = frozenset({"failed", "broken", "missing"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row, and what came of it.

    Attributes:
        line: of the row in the list.
        number: of the row, from 1.
        state: what came of it.
        reason: why it was not answered, or could not be read; empty where all went well.
        video: as the list has it.
        content: what is the same for videos of the same content; by it intervals are resampled. A row
            that names no video stands for one of its own.
        value: what the answer is worth, in [0, 1]; 0 in every state but `graded`.
        said: the answer in the one form that all ways of saying it share.
        completion: what the model said; empty where it said nothing.
        row: the question; None for a malformed one.
        seconds: the video's length; 0 where it cannot be read.
        cut_off: whether the limit of tokens cut the answer off, as far as the model says.
    """

    line: int
    number: int
    state: State
    video: str
    content: str
    reason: str = ""
    value: float = 0.0
    said: str = ""
    completion: str = ""
    row: Row | None = field(default=None, repr=False)
    seconds: float = 0.0
    cut_off: bool = False

    @property
    def where(self) -> str:
        """The row in the list, in words."""
        return f"line {self.line}, row {self.number}"

    @property
    def answered(self) -> bool:
        """Whether the model had something to say, in whatever form."""
        return self.state in ANSWERED

    @property
    def category(self) -> str:
        """The row's; empty where it has none."""
        return self.row.category if self.row else ""


def sample_of(row: Row, videos: Videos) -> Sample:
    """What a model is shown and asked.

    Raises:
        VideoError: the video turns out not to be readable.
    """
    clip = videos.clip(row.video)
    return Sample(question_prompt(None, row.prompt), (clip,), row.truth.shown)


def askable(listed: QuestionList, videos: Videos) -> dict[str, Row]:
    """The questions whose video is there, by key; those about one video in succession."""
    there = [row for row in listed.rows if videos.absent(row.video) is None]
    return {str(row.number): row for row in sorted(there, key=lambda r: (r.video, r.number))}


def outcomes_of(listed: QuestionList, videos: Videos, asking: Asking[Answer]) -> list[Outcome]:
    """Grade the answers to a list.

    Args:
        listed: the list.
        videos: of its questions.
        asking: what came of asking them, by the keys of `askable`.

    Returns:
        An outcome for each row, malformed ones too, in the order of the list.
    """

    def outcome(key: str, row: Row) -> Outcome:
        made = _Made(row, videos.content(row.video))
        absent = videos.absent(row.video)
        if absent is not None:
            return made.of("missing" if absent.missing else "broken", absent.reason)
        if key in asking.broken:
            return made.of("broken", asking.broken[key])
        answer = asking.results[key]
        if answer.failure is not None:
            return made.of("failed", answer.failure)
        graded = grade(row.truth, answer.text)
        return Outcome(
            line=row.line,
            number=row.number,
            state="graded" if graded.parsed else "unparsed",
            video=row.video,
            content=made.content,
            reason=graded.reason,
            value=graded.value,
            said=graded.said,
            completion=answer.text,
            row=row,
            seconds=videos.seconds(row.video),
            cut_off=answer.truncated,
        )

    outcomes = [outcome(str(row.number), row) for row in listed.rows]
    outcomes += [
        Outcome(
            row.line,
            row.number,
            "malformed",
            row.video,
            videos.content(row.video) if row.video else f"row {row.number}",
            row.reason,
        )
        for row in listed.malformed
    ]
    return sorted(outcomes, key=lambda one: one.number)


@dataclass(frozen=True, slots=True)
class _Made:
    """The part of an outcome that depends on its row alone."""

    row: Row
    content: str

    def of(self, state: State, reason: str) -> Outcome:
        row = self.row
        return Outcome(row.line, row.number, state, row.video, self.content, reason, row=row)


def counts(outcomes: Sequence[Outcome]) -> dict[State, int]:
    """How many rows came to each state."""
    return {state: sum(one.state == state for one in outcomes) for state in STATES}


def unanswered(outcomes: Sequence[Outcome]) -> list[str]:
    """In words, how many questions have no answer, for each reason that there may be, with an example."""
    told = []
    for state, words in STATES.items():
        some = [one for one in outcomes if one.state == state]
        if some and state in UNANSWERED:
            first = f"{some[0].where}: {some[0].reason}"
            told.append(f"{len(some)} without an answer, {words}, such as {first}")
    return told
