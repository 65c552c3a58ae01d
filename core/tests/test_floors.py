"""Blind floors of toy tasks whose floors are known by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from toy_plugins import Pick, PickConfig, Settings, registry_of

from videossr import Clip, PluginError, Ramp, Sample, Unparsable, Unsuitable, hookimpl
from videossr.floors import Floors, best_answer, blind_floor, normalised
from videossr.sample import question_prompt

if TYPE_CHECKING:
    import random

    from torch import Tensor

    from videossr.facades import Task


class Asking(Pick):
    """A task without settings; its answers are for subclasses to draw."""

    Config = Settings  # type: ignore[assignment] # another schema is the point

    @hookimpl
    def make_sample(  # type: ignore[override] # hooks take what they need
        self, clip: Clip, rng: random.Random
    ) -> Sample:
        """A question with its answer."""
        question, answer = self.draw(clip, rng)
        return Sample(question_prompt(None, question), (clip,), answer)

    def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:
        """The words of the question, and the answer."""
        raise NotImplementedError


class Near(Asking):
    """Answers 1 to 9 alike often, and a smooth reward."""

    def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:  # noqa: ARG002
        """A number."""
        return "How many?", str(1 + int(rng.random() * 9))

    @hookimpl
    def reward(self, completion: str, answer: str) -> float:
        """1 for the right one, less by an eighth for each that it is off."""
        return 1 - abs(int(completion) - int(answer)) / 8


def bound(task: Asking) -> Task:
    """The task, ready to ask."""
    return registry_of(asking=task).task("asking", Settings(), 0.5)


def picking(least: int, most: int) -> Task:
    """The task that draws one of so many digits, by difficulty."""
    config = PickConfig(options=Ramp.between(least, most))
    return registry_of(pick=Pick()).task("pick", config, 0.5)


def timeline(frames: int, difficulty: float = 0.5) -> tuple[Tensor, float]:
    """That many frames, half a second apart."""
    return torch.arange(frames, dtype=torch.float64) / 2, difficulty


def test_an_answer_that_never_changes_is_found() -> None:
    """Who knows it needs no video: 1.0."""
    assert 1.0 == blind_floor(picking(1, 1), [timeline(4)], seed=0)


@pytest.mark.parametrize("options", [2, 4, 8])
def test_even_odds_are_one_in_k(options: int) -> None:
    """1/k for k answers; 0.08 is four standard deviations of 4 x 128 draws and more."""
    floor = blind_floor(picking(options, options), [timeline(n) for n in range(4, 8)], seed=0)
    assert 1 / options == pytest.approx(floor, abs=0.08)


def test_luck_does_not_lift_the_floor() -> None:
    """With few draws, the most frequent of nine answers is frequent by luck.

    Judged by the draws that chose it, it would earn 1/4 and more: four choose, and nine answers. The
    other four are not impressed: 1/9, within 0.08, which is three deviations of 40 x 4 draws.
    """
    timelines = [timeline(n) for n in range(4, 44)]
    floor = blind_floor(picking(9, 9), timelines, seed=0, draws=8)
    assert 1 / 9 == pytest.approx(floor, abs=0.08)


def test_the_best_answer_need_not_be_the_most_frequent() -> None:
    """For a smooth reward it is the middle one.

    Answers 1 to 9 alike often, reward 1 - |difference| / 8: the answer 5 is off by 20/9 on average, and
    earns 1 - 20/72 = 0.722. The ends earn 0.5.
    """
    floor = blind_floor(bound(Near()), [timeline(4), timeline(5)], seed=0)
    assert 1 - 20 / 72 == pytest.approx(floor, abs=0.05)


def test_the_first_questions_do_not_choose_among_few_answers() -> None:
    """Of answers 1 to 9, the first sixteen questions like 9 best; all 64 like 5, as in the test above."""
    task = bound(Near())
    true = [9] * 16 + [1 + number % 9 for number in range(48)]
    question = question_prompt(None, "How many?")
    clip = Clip(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1).double())
    samples = [Sample(question, (clip,), str(one)) for one in true]
    worth = {
        answer: sum(1 - abs(answer - one) / 8 for one in true) / len(true)
        for answer in range(1, 10)
    }
    best = max(worth, key=lambda answer: worth[answer])
    assert best_answer(task, samples, 256) == str(best)


def test_what_the_words_give_away_counts() -> None:
    """The answer is named in the question: 1.0, though each answer is half of all."""

    class Telling(Asking):
        def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:  # noqa: ARG002
            digit = str(1 + int(rng.random() * 2))
            return f"Is it {digit}?", digit

    assert 1.0 == blind_floor(bound(Telling()), [timeline(4)], seed=0)


def test_words_that_never_come_back_give_nothing_away() -> None:
    """Every question is worded differently, and none says a thing of its answer: 1/4.

    A wording that is seen once must not choose the answer by which it is judged.
    """

    class Chatty(Asking):
        def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:  # noqa: ARG002
            return f"Number {rng.random()}?", str(int(rng.random() * 4))

    timelines = [timeline(n) for n in range(4, 8)]
    assert 0.25 == pytest.approx(blind_floor(bound(Chatty()), timelines, seed=0), abs=0.08)


def test_what_the_times_give_away_counts() -> None:
    """The answer is the number of frames, which the prompt shows: 1.0 over any timelines."""

    class Counting(Asking):
        def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:  # noqa: ARG002
            return "How long?", str(len(clip))

    timelines = [timeline(4), timeline(5), timeline(6)]
    assert 1.0 == blind_floor(bound(Counting()), timelines, seed=0)


def test_timelines_weigh_alike() -> None:
    """One of them leaves no choice and the other two answers: (1 + 1/2) / 2."""

    class Short(Asking):
        def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:
            return "Which?", "1" if len(clip) == 4 else str(1 + int(rng.random() * 2))

    floor = blind_floor(bound(Short()), [timeline(4), timeline(8)], seed=0)
    assert 0.75 == pytest.approx(floor, abs=0.08)


def test_the_difficulty_of_a_timeline_is_that_of_its_questions() -> None:
    """One answer at difficulty 0, eight at 1."""
    task = picking(1, 8)
    assert 1.0 == blind_floor(task, [timeline(4, 0.0)], seed=0)
    assert blind_floor(task, [timeline(4, 1.0)], seed=0) < 0.25


def test_timelines_without_questions_are_left_out() -> None:
    """What cannot be asked is not guessed; where nothing can be asked, that is told."""

    class Choosy(Asking):
        def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:  # noqa: ARG002
            if len(clip) > 4:
                raise Unsuitable("too long")
            return "Which?", "1"

    task = bound(Choosy())
    assert 1.0 == blind_floor(task, [timeline(4), timeline(8)], seed=0)
    with pytest.raises(Unsuitable, match="task 'asking' makes no question on any timeline"):
        blind_floor(task, [timeline(8)], seed=0)


def test_an_answer_that_cannot_be_read_earns_nothing() -> None:
    """A task that cannot read its own answer half of the time has 0.5 at best."""

    class Mumbling(Asking):
        def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:  # noqa: ARG002
            return "Which?", "one" if rng.random() < 0.5 else "1"

        @hookimpl
        def reward(self, completion: str) -> float:  # type: ignore[override]
            if completion == "one":
                raise Unparsable("must be a digit")
            return 0.5

    assert 0.5 == blind_floor(bound(Mumbling()), [timeline(4)], seed=0)


def test_the_same_seed_gives_the_same_floor() -> None:
    """It is part of a dataset, which has to come out alike."""
    task, timelines = picking(4, 8), [timeline(4), timeline(6)]
    first, again, other = (blind_floor(task, timelines, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_guesses_of_the_task_are_tried() -> None:
    """The best answer may be one that is never right.

    Answers 1 and 9, reward 1 - |difference| / 8: each earns a half, and 5 always a half too; but with the
    square root of that closeness, 5 earns 0.707.
    """

    class Ends(Asking):
        def draw(self, clip: Clip, rng: random.Random) -> tuple[str, str]:  # noqa: ARG002
            return "Which?", "1" if rng.random() < 0.5 else "9"

        @hookimpl
        def reward(self, completion: str, answer: str) -> float:
            return float((1 - abs(int(completion) - int(answer)) / 8) ** 0.5)

        def guesses(self, samples: list[Sample]) -> list[str]:
            return ["5"] if samples else []

    assert 0.5**0.5 == pytest.approx(blind_floor(bound(Ends()), [timeline(4)], seed=0))


@pytest.mark.parametrize(
    ("guesses", "problem"),
    [(lambda samples: [1], "returned [1]; must return texts"), (len, "raised TypeError")],
)
def test_guesses_that_are_none_are_told(guesses: Any, problem: str) -> None:  # noqa: ANN401
    """Whose they are, and what is wrong."""
    guessing = Pick()
    guessing.guesses = guesses  # type: ignore[attr-defined]
    task = registry_of(pick=guessing).task("pick", PickConfig(), 0.5)
    with pytest.raises(PluginError, match=r"plugin 'pick' .* 'guesses'") as caught:
        blind_floor(task, [timeline(4)], seed=0)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("reward", "floor", "expected"),
    [(1.0, 0.6, 1.0), (0.6, 0.6, 0.0), (0.8, 0.6, 0.5), (0.3, 0.6, -0.75), (1.0, 1.0, 0.0)],
)
def test_normalised_has_the_floor_at_zero(reward: float, floor: float, expected: float) -> None:
    """(raw - floor) / (1 - floor), by hand; a floor of 1 leaves no room and gives 0."""
    assert normalised(reward, floor) == pytest.approx(expected)


def test_between_levels_floors_lie_on_a_line() -> None:
    """By hand: a quarter of the way from 0.6 to 0.2 is 0.5; outside, the nearest level counts."""
    floors = Floors({"pick": {0.2: 0.6, 1.0: 0.2}})
    assert [0.6, 0.6, pytest.approx(0.5), 0.2] == [floors.at("pick", d) for d in (0, 0.2, 0.4, 1)]
    assert pytest.approx(0.55) == floors.mean("pick", [0.2, 0.4])
    assert pytest.approx(0.4) == floors.mean("pick", [])
