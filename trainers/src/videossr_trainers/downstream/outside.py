"""Right answers that lie outside of their video, which shows once its length is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from videossr.errors import Mistake
from videossr_trainers.downstream.reading import Malformed
from videossr_trainers.downstream.truth import Spans

if TYPE_CHECKING:
    from videossr_trainers.downstream.reading import QuestionList, Row
    from videossr_trainers.downstream.videos import Videos


def outside_as_malformed(listed: QuestionList, videos: Videos) -> QuestionList:
    """A list whose rows with a span wholly outside of the video are malformed.

    One that reaches beyond the end is left: sets that people marked have many, by a little.
    """
    outside = [made for row in listed.rows if (made := _outside(row, videos))]
    if not outside:
        return listed
    numbers = {one.number for one in outside}
    malformed = sorted([*listed.malformed, *outside], key=lambda one: one.number)
    rows = tuple(row for row in listed.rows if row.number not in numbers)
    return replace(listed, rows=rows, malformed=tuple(malformed))


def _outside(row: Row, videos: Videos) -> Malformed | None:
    if not isinstance(row.truth, Spans) or videos.absent(row.video):
        return None
    over = videos.over(row.video)
    right = "must be in seconds from the beginning of the video"
    mistakes = tuple(
        Mistake("answer", f"{span} lies outside of the video, which lasts {over:.1f} s", right)
        for span in row.truth.spans
        if span.start >= over
    )
    return Malformed(row.line, row.number, row.video, mistakes) if mistakes else None
