"""What came of each row of a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from videossr.sample import Sample, question_prompt
from videossr_trainers.downstream.asking import ask
from videossr_trainers.downstream.truth import grade

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videossr_trainers.answering import Answerer, Decoding
    from videossr_trainers.answering.cost import Spent
    from videossr_trainers.downstream.reading import QuestionList, Row
    from videossr_trainers.downstream.videos import Videos

#: answered: graded. unparsed: without the form of an answer, and worth 0. failed: the model gave none.
#: broken: the video cannot be read. missing: there is no such video. malformed: the row asks nothing.
State = Literal["answered", "unparsed", "failed", "broken", "missing", "malformed"]

#: States in words, in the order in which they are told.
STATES: Final[dict[State, str]] = {
    "answered": "answered",
    "unparsed": "answered, not in the form of an answer",
    "failed": "asked, and no answer came",
    "broken": "the video cannot be read",
    "missing": "there is no such video",
    "malformed": "the row asks nothing",
}

#: The states in which a model has had its say.
GRADED: Final[frozenset[State]] = frozenset({"answered", "unparsed"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row, and what came of it.

    Attributes:
        line: of the row in the list.
        number: of the row, from 1.
        state: what came of it.
        reason: why it was not answered, or could not be read; empty where all went well.
        video: as the list has it.
        content: what is the same for videos of the same content; by it intervals are resampled.
        value: what the answer is worth, in [0, 1]; 0 in every state but `answered`.
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
    def graded(self) -> bool:
        """Whether the model has had its say."""
        return self.state in GRADED

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


def outcomes_of(
    listed: QuestionList,
    videos: Videos,
    answerer: Answerer,
    decoding: Decoding,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Outcome], Spent]:
    """Ask every question of a list once, and grade the answers.

    Returns:
        An outcome for each row, those that ask nothing too, in the order of the list; and what the
        answers took.
    """
    rows = {str(row.number): row for row in listed.rows}
    there = [key for key, row in rows.items() if videos.absent(row.video) is None]
    # Questions about one video in succession: it is decoded once, and may be read once.
    there.sort(key=lambda key: (rows[key].video, rows[key].number))
    asking = ask(
        there,
        lambda key: sample_of(rows[key], videos),
        answerer,
        decoding,
        workers=workers,
        progress=progress,
    )

    def outcome(key: str, row: Row) -> Outcome:
        made = _Made(row, videos.content(row.video))
        absent = videos.absent(row.video)
        if absent is not None:
            return made.of("missing" if absent.missing else "broken", absent.reason)
        if key in asking.broken:
            return made.of("broken", asking.broken[key])
        (answer,) = asking.answers[key]
        if answer.failure is not None:
            return made.of("failed", answer.failure)
        graded = grade(row.truth, answer.text)
        return Outcome(
            line=row.line,
            number=row.number,
            state="answered" if graded.parsed else "unparsed",
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

    outcomes = [outcome(key, row) for key, row in rows.items()]
    outcomes += [
        Outcome(row.line, row.number, "malformed", row.video, f"row {row.number}", row.reason)
        for row in listed.malformed
    ]
    return sorted(outcomes, key=lambda one: one.number), asking.spent


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
