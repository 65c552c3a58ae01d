"""What a completion states: lenient about its form, strict about its content."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videossr import Unparsable
from videossr_trainers.downstream.form import LONGEST, bare
from videossr_trainers.downstream.options import Options
from videossr_trainers.downstream.spans import Span, best_iou, iou, read_span
from videossr_trainers.downstream.truth import Choice, Exact, Number, Spans, Truth, grade
from videossr_trainers.downstream.values import closeness, read_number

ANIMALS = Options.of_list(["a cat", "a dog", "a horse"])

TRUTHS: list[Truth] = [
    Choice(ANIMALS, "B"),
    Exact(("a red car", "red")),
    Number(12.0),
    Spans((Span(1.5, 4.0), Span(6.0, 8.25))),
]


@pytest.mark.parametrize(
    "completion",
    [
        *(
            "B",
            "b",
            "(B)",
            "[B]",
            "B.",
            "B)",
            "B:",
            "**B**",
            "`B`",
            '"B"',
            "$B$",
            "Option B",
            " B \n",
        ),
        *("Answer: B", "The answer is B.", "The correct answer is (B)", "Final answer: **B**"),
        *("So the answer is: B", "\\boxed{B}", "```\nB\n```", "```text\n(B)\n```"),
        *("B. a dog", "(B) A dog.", "B: a dog", "a dog", "A DOG.", "The answer is a dog"),
        *("<think>C?</think>Answer: B", "**Answer: (B) a dog**"),
    ],
)
def test_an_option_is_named_in_many_forms(completion: str) -> None:
    """By its label, its text, or both, whatever stands around."""
    assert ANIMALS.read(completion) == "B"


@pytest.mark.parametrize(
    "completion",
    [
        *("", " ", "...", "D", "AB", "A or B", "A, B", "A B", "not B", "B?", "B because it barks"),
        *("I think it is B", "It is a dog", "a dog or a cat", "dog", "B. a cat", "(A) (B)"),
        *("Between A and B, B is the answer", "answer", "The answer is", "B" * 600),
    ],
)
def test_an_option_is_not_guessed(completion: str) -> None:
    """Prose, several options, and a label with another option's text name none."""
    with pytest.raises(Unparsable):
        ANIMALS.read(completion)


def test_labels_in_the_list_are_not_written_twice() -> None:
    """Options that carry A., B., ... already are taken without; others stay as they are."""
    carried = Options.of_list(["A. a cat", "(B) a dog"])
    assert carried.lines == ["A. a cat", "B. a dog"]
    assert Options.of_list(["B. a cat", "A. a dog"]).lines == ["A. B. a cat", "B. A. a dog"]


def test_options_in_the_question_are_known_by_their_letters() -> None:
    """Only listed letters are options, and a text beside one has to stand in the question."""
    options = Options.in_question("Which?\nA. a cat\nB. a dog")
    assert options.read("B. a dog") == "B"
    for other in ("C", "B. a horse", "a dog"):
        with pytest.raises(Unparsable):
            options.read(other)


@given(
    st.sampled_from(["", "Answer: ", "The answer is ", "The correct option is: ", "answer is "]),
    st.lists(
        st.sampled_from([("(", ")"), ("[", "]"), ("**", "**"), ("`", "`"), ('"', '"')]),
        max_size=2,
        unique=True,
    ),
    st.sampled_from(["", ".", " ", "\n"]),
    st.sampled_from("ABC"),
)
def test_form_is_no_content(
    lead: str, around: list[tuple[str, str]], stop: str, label: str
) -> None:
    """Any lead-in, in any brackets, with any end, names the same option."""
    text = label
    for left, right in around:
        text = f"{left}{text}{right}"
    assert ANIMALS.read(f"{lead}{text}{stop}") == label


@given(
    st.lists(st.from_regex(r"[d-z]{3,8}", fullmatch=True), min_size=1, max_size=5),
    st.sampled_from("ABC"),
    st.lists(st.from_regex(r"[d-z]{3,8}", fullmatch=True), min_size=1, max_size=5),
)
def test_no_label_is_picked_out_of_words(before: list[str], label: str, after: list[str]) -> None:
    """A label with words on both sides is no answer, whatever the words."""
    text = " ".join([*before, label, *after])
    with pytest.raises(Unparsable):
        ANIMALS.read(text)


@pytest.mark.parametrize(
    "completion",
    [
        *("14.5-26.2", "14.5 - 26.2", "14.5\N{EN DASH}26.2", "14.5 to 26.2", "14.5s-26.2s"),
        *(
            "[14.5, 26.2]",
            "(14.5, 26.2)",
            "from 14.5 to 26.2 seconds.",
            "between 14.5 and 26.2 sec",
        ),
        *(
            "0:14.5-0:26.2",
            "start: 14.5, end: 26.2",
            "The answer is 14.5-26.2 s",
            "00:00:14.5-26.2",
        ),
        *("<think>3-4</think>14.5-26.2", "```json\n[14.5, 26.2]\n```", "**14.50-26.20**"),
    ],
)
def test_a_span_is_stated_in_many_forms(completion: str) -> None:
    """Units, brackets, clocks and words for the hyphen are form."""
    assert read_span(completion) == Span(14.5, 26.2)


@pytest.mark.parametrize(
    "completion",
    [
        *(
            "",
            "14.5",
            "14.5-26.2-30",
            "14.5-26.2, 30-40",
            "it happens from 14.5 to 26.2 in the video",
        ),
        *("about 14.5-26.2", "-14.5-26.2", "14.5%-26.2%", "14:5:3:2-26", "fourteen to sixteen"),
        *("1e3-2e3", "nan-inf", "14.5-26.2 and so on"),
    ],
)
def test_a_span_is_not_guessed(completion: str) -> None:
    """Several spans, one time and prose state none."""
    with pytest.raises(Unparsable):
        read_span(completion)


def test_overlap_by_hand() -> None:
    """Two of six seconds; nothing in common; nothing at all; the best of several."""
    assert iou(Span(0, 4), Span(2, 6)) == pytest.approx(1 / 3)
    assert iou(Span(0, 2), Span(2, 4)) == 0
    assert iou(Span(3, 1), Span(0, 4)) == 0
    assert iou(Span(1, 1), Span(1, 1)) == 0
    assert best_iou(Span(0, 4), [Span(2, 6), Span(0, 5)]) == pytest.approx(0.8)


spans = st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)).map(lambda ends: Span(*ends))


@given(spans, spans)
def test_overlap_is_a_share_and_has_no_order(one: Span, other: Span) -> None:
    """It lies in [0, 1], is the same from both sides, and 1 for a span that holds a moment and itself."""
    assert 0 <= iou(one, other) <= 1
    assert iou(one, other) == iou(other, one)
    assert iou(one, one) == float(one.start < one.end)


@pytest.mark.parametrize(
    ("completion", "number"),
    [("12", 12), ("12.", 12), ("-2.5", -2.5), ("1,200", 1200), ("**12**", 12), ("Answer: 12", 12)],
)
def test_a_number_is_read(completion: str, number: float) -> None:
    """Digits, with what stands around them taken off."""
    assert read_number(completion) == number


@pytest.mark.parametrize("completion", ["", "twelve", "12 cars", "12 or 13", "1e9", "1,20", "nan"])
def test_a_number_is_not_guessed(completion: str) -> None:
    """Words, units and several numbers are none."""
    with pytest.raises(Unparsable):
        read_number(completion)


def test_closeness_by_hand() -> None:
    """A quarter off is worth three quarters; of zero, zero alone is worth anything."""
    assert closeness(9, 12) == pytest.approx(0.75)
    assert closeness(30, 12) == 0
    assert closeness(0, 0) == 1
    assert closeness(0.1, 0) == 0


@pytest.mark.parametrize(
    ("completion", "value"),
    [("Red", 1), ("a  red car.", 1), ("The answer is: red", 1), ("It is red", 0), ("blue", 0)],
)
def test_exact_texts_are_compared_without_form(completion: str, value: float) -> None:
    """Case, spaces and a lead-in don't matter, words do; any of the accepted texts will do."""
    assert grade(TRUTHS[1], completion).value == value


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: type(truth).__name__)
@settings(max_examples=60)
@given(st.text(max_size=60) | st.text("AB[]().,-:0123456789 \n`*<>think/", max_size=60))
def test_any_text_is_graded(truth: Truth, text: str) -> None:
    """Whatever a model says is worth something in [0, 1], and what cannot be read is worth 0."""
    graded = grade(truth, text)
    assert 0 <= graded.value <= 1
    assert graded.parsed == (graded.reason == "")
    assert graded.parsed or graded.value == 0


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: type(truth).__name__)
def test_the_right_answer_is_worth_one(truth: Truth) -> None:
    """As the truth itself shows it; of several, the first."""
    first = truth.shown.partition(" / ")[0].partition(", ")[0]
    assert grade(truth, first).value == 1


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: type(truth).__name__)
def test_the_prompt_states_the_form(truth: Truth) -> None:
    """What is asked for can be read, and does not give the answer away."""
    prompt = truth.prompt("What?")
    assert prompt.startswith("What?\n")
    assert "Answer with" in prompt
    assert truth.shown not in prompt.splitlines()[-1]


def test_the_example_in_the_prompt_is_a_span() -> None:
    """A model that copies the form of the example is read."""
    assert read_span(TRUTHS[3].prompt("x").rpartition("as in ")[2]) == Span(14.5, 26.2)


def test_the_longest_answer_is_read() -> None:
    """And one character more is not."""
    assert bare("x" * LONGEST) == "x" * LONGEST
    with pytest.raises(Unparsable):
        bare("x" * (LONGEST + 1))
