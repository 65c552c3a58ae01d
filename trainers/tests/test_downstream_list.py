"""Reading lists of questions: forms, truths, and every mistake with its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from videossr import ConfigError
from videossr_trainers.downstream.reading import QuestionList, read_list
from videossr_trainers.downstream.spans import Span
from videossr_trainers.downstream.truth import Choice, Exact, Number, Spans

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.downstream.truths import Scorer

CHOICE = {"video": "a.mp4", "question": "Which?", "options": ["a cat", "a dog"], "answer": "B"}


def listed(
    folder: Path, rows: object, scorer: Scorer = "vqa", *, lines: bool = False
) -> QuestionList:
    """A list with these rows, written and read."""
    path = folder / "list.json"
    if lines and isinstance(rows, list):
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    else:
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return read_list(path, scorer)


def mistakes(found: QuestionList) -> list[str]:
    """What is told of a list, less its path."""
    try:
        found.refuse_mistakes()
    except ConfigError as error:
        return [str(one).removeprefix(f"{found.path} ") for one in error.mistakes]
    return []


@pytest.mark.parametrize("lines", [False, True])
def test_both_forms_hold_the_same(tmp_path: Path, lines: bool) -> None:
    """An array and JSON lines give the same rows, by their lines."""
    found = listed(tmp_path, [CHOICE, {**CHOICE, "answer": "a cat"}], lines=lines)
    assert [row.truth for row in found.rows] == [
        Choice(found.rows[0].truth.options, label)  # type: ignore[attr-defined]
        for label in ("B", "A")
    ]
    assert [row.line for row in found.rows] == ([1, 2] if lines else [1, 1])
    assert [row.name for row in found.rows] == ["row 1", "row 2"]


def test_lines_of_an_array_are_those_of_its_rows(tmp_path: Path) -> None:
    """A row is named by the line at which it begins, however the array is written."""
    text = json.dumps([CHOICE, CHOICE, 3], indent=2)
    found = listed(tmp_path, f"\n{text}")
    begins = [
        number for number, line in enumerate(f"\n{text}".splitlines(), 1) if line[2:3] in ("{", "3")
    ]
    assert [row.line for row in found.rows] == begins[:2]
    assert mistakes(found) == [
        f"line {begins[2]}, row 3: 3 is no row; must be an object with video, question and answer"
    ]


@pytest.mark.parametrize(
    ("answer", "options", "label"),
    [
        ("B", ["a cat", "a dog"], "B"),
        ("(b)", ["a cat", "a dog"], "B"),
        ("A dog", ["a cat", "a dog"], "B"),
        ("B. a dog", ["A. a cat", "B. a dog"], "B"),
        ("two", {"A": "one", "B": "two"}, "B"),
        ("2", {"1": "one", "2": "two"}, "2"),
        ("7", [5, 7], "B"),
        ("B", None, "B"),
    ],
)
def test_choices_by_letter_and_text(
    tmp_path: Path, answer: str, options: object, label: str
) -> None:
    """The answer is a label or a text, the options a list or an object, or in the question."""
    row = {**CHOICE, "answer": answer, "options": options}
    found = listed(tmp_path, [row])
    assert mistakes(found) == []
    truth = found.rows[0].truth
    assert isinstance(truth, Choice)
    assert truth.label == label


def test_without_options_and_letter_it_is_an_exact_text(tmp_path: Path) -> None:
    """One text, several of which any is right, or a number."""
    rows = [
        {"video": "a.mp4", "question": "?", "answer": a} for a in ("red", ["red", "crimson"], 3)
    ]
    truths = [row.truth for row in listed(tmp_path, rows).rows]
    assert truths == [Exact(("red",)), Exact(("red", "crimson")), Exact(("3",))]


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ([14.5, 26.2], [(14.5, 26.2)]),
        ("14.5-26.2", [(14.5, 26.2)]),
        ([[1, 2], [3.5, 4]], [(1, 2), (3.5, 4)]),
        (["1-2", [3, 4]], [(1, 2), (3, 4)]),
        ("1:05 - 1:20", [(65, 80)]),
    ],
)
def test_spans(tmp_path: Path, answer: object, right: list[tuple[float, float]]) -> None:
    """One or several, as numbers or as text."""
    found = listed(tmp_path, [{"video": "a.mp4", "question": "?", "answer": answer}], "iou")
    assert found.rows[0].truth == Spans(tuple(Span(*span) for span in right))


@pytest.mark.parametrize(("answer", "right"), [(3, 3.0), ("3.5", 3.5), (-2.0, -2.0)])
def test_numbers(tmp_path: Path, answer: object, right: float) -> None:
    """As numbers or as text."""
    found = listed(tmp_path, [{"video": "a.mp4", "question": "?", "answer": answer}], "number")
    assert found.rows[0].truth == Number(right)


NO_SPAN = (
    "must be a text, or a list of texts of which any is right; a span of time is for `videossr eval "
    "grounding`, or --scorer iou"
)
FORM = 'must be [start, end] in seconds or "14.5-26.2", the end after the start, or a list of these'


@pytest.mark.parametrize(
    ("scorer", "change", "told"),
    [
        ("vqa", {"video": 3}, "video is 3; must be a text that says something"),
        ("vqa", {"question": " "}, 'question is " "; must be a text that says something'),
        ("vqa", {"answer": 1}, "answer is 1; must be one of A, B, or an option's text"),
        ("vqa", {"answer": "C"}, None),
        ("vqa", {"answer": "a dog", "options": ["a dog", "A dog"]}, None),
        ("vqa", {"options": ["one"]}, None),
        ("vqa", {"options": "a or b"}, None),
        ("vqa", {"options": ["a", None]}, None),
        ("vqa", {"options": {"a": "x", "A": "y"}}, None),
        ("vqa", {"options": {"the first": "x", "b": "y"}}, None),
        ("vqa", {"category": ["a"]}, 'category is ["a"]; must be a text or a whole number'),
        ("vqa", {"answer": "", "options": None}, None),
        ("vqa", {"answer": [0.0, 2.5], "options": None}, f"answer is [0.0, 2.5]; {NO_SPAN}"),
        ("exact", {"answer": [3]}, f"answer is [3]; {NO_SPAN}"),
        ("iou", {"answer": [3, 2]}, f"answer [3, 2] is no span; {FORM}"),
        ("iou", {"answer": [-1, 2]}, f"answer [-1, 2] is no span; {FORM}"),
        ("iou", {"answer": [1, 2, 3]}, f"answer [1, 2, 3] is no span; {FORM}"),
        ("iou", {"answer": "soon"}, f'answer "soon" is no span; {FORM}'),
        ("iou", {"answer": []}, f"answer is an empty list; {FORM}"),
        ("iou", {"answer": [True, False]}, f"answer [true, false] is no span; {FORM}"),
        ("number", {"answer": "three"}, 'answer is "three"; must be a number, such as 3'),
        ("number", {"answer": True}, "answer is true; must be a number, such as 3"),
        ("number", {"answer": 10**400}, None),
        ("exact", {"answer": {"a": 1}}, None),
    ],
)
def test_what_is_wrong_with_a_row(
    tmp_path: Path, scorer: Scorer, change: dict[str, Any], told: str | None
) -> None:
    """Is told with its line and field, what was found and what would be right."""
    found = listed(tmp_path, [{**CHOICE, **change}], scorer)
    (mistake,) = mistakes(found)
    assert mistake.startswith(tuple(f"line 1, row 1: {name} " for name in ("answer", *change)))
    assert "; must be" in mistake
    assert told is None or mistake == f"line 1, row 1: {told}"
    assert not found.rows


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Of every row, each with its line; right rows are kept beside."""
    rows = [
        json.dumps(CHOICE),
        "{",
        '{"video": "a.mp4"}',
        "[]",
        json.dumps(CHOICE),
        '{"video": NaN}',
    ]
    found = listed(tmp_path, "\n".join(rows))
    assert [one.split(";")[0].split(" (")[0] for one in mistakes(found)] == [
        "line 2, row 2: no JSON",
        "line 3, row 3: question is missing",
        "line 3, row 3: answer is missing",
        "line 4, row 4: [] is no row",
        "line 6, row 6: no JSON",
    ]
    assert [row.line for row in found.rows] == [1, 5]


def test_a_torn_array_is_told_where_it_tears(tmp_path: Path) -> None:
    """What stands before is kept, and what comes after cannot be told apart."""
    text = json.dumps([CHOICE, CHOICE], indent=1)
    found = listed(tmp_path, text[: len(text) // 2 + 20])
    (mistake,) = mistakes(found)
    assert "the list is cut here" in mistake
    assert len(found.rows) == 1


def test_one_id_for_two_rows_is_a_mistake_of_both(tmp_path: Path) -> None:
    """Neither can be told from the other."""
    found = listed(tmp_path, [{**CHOICE, "id": 7}, {**CHOICE, "id": "7"}, {**CHOICE, "id": 8}])
    assert mistakes(found) == [
        f"line 1, row {number}: id '7' is that of several rows; must be unique" for number in (1, 2)
    ]
    assert [row.name for row in found.rows] == ["8"]


def test_half_a_character_is_a_mistake(tmp_path: Path) -> None:
    """JSON can write what no file name and no page can."""
    found = listed(tmp_path, '[{"video": "\\ud800.mp4", "question": "?", "answer": "x"}]')
    assert mistakes(found) == ["line 1, row 1: holds half of a character; write it whole"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "holds no question"), (b"[]", "holds no question"), (b"[\n\xff]", "line 2: no UTF-8")],
)
def test_a_file_that_is_no_list(tmp_path: Path, content: bytes, problem: str) -> None:
    """Is told at once, with its name."""
    path = tmp_path / "list.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        read_list(path, "vqa")


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    """Is told with its name."""
    with pytest.raises(ConfigError, match=r"gone.json: No such file"):
        read_list(tmp_path / "gone.json", "vqa")


def test_other_fields_are_facets(tmp_path: Path) -> None:
    """Single values beside the question's own, as they are; lists and objects are left alone."""
    more = {"category": "animals", "level": 2, "source": {"of": "x"}, "tags": ["a"]}
    (row,) = listed(tmp_path, [{**CHOICE, **more}]).rows
    assert row.category == "animals"
    assert row.facets == {"category": "animals", "level": 2}


def test_fields_that_look_misspelt_are_noted(tmp_path: Path) -> None:
    """By what they are like, where the row lacks that; other fields are the list's own affair."""
    rows = [
        {**CHOICE, "catgory": "x", "ID": 7},
        {**CHOICE, "catgory": "y", "option": []},
        {**CHOICE, "category": "x", "catgory": "z"},
        {**CHOICE, "idx": 1, "sub_category": "x", "question_id": 3, "videos": 1},
        3,
    ]
    assert listed(tmp_path, rows).misspelt == {("catgory", "category"): 2, ("ID", "id"): 1}
