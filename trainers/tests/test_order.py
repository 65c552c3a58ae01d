"""The order of questions, and the keys by which they are asked for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from plain_recipes import plain_recipe

from videossr_trainers.difficulty import DifficultyTrail, batches_ahead
from videossr_trainers.order import Key, QuestionSampler, question_order

if TYPE_CHECKING:
    from videossr.dataset import Recipe


def recipe(task: str, index: int, difficulty: float = 0.5) -> Recipe:
    """A recipe that nobody renders."""
    return plain_recipe(task, index, difficulty=difficulty)


def recipes(*, scheduled: bool = False) -> list[Recipe]:
    """40 questions of one task, which may get harder, then 20 of another."""
    first = [recipe("first", i, i / 40 if scheduled else 0.5) for i in range(40)]
    return [*first, *(recipe("second", i) for i in range(20))]


def sampler(questions: list[Recipe], **settings: int) -> QuestionSampler:
    """Keys in chunks of 4 questions, 3 answers each."""
    chosen = {"group": 3, "chunk": 4, "repeats": 1} | settings
    return QuestionSampler(questions, 0, trail=DifficultyTrail({}, 1), **chosen)


def test_an_epoch_asks_every_question_once() -> None:
    """In another order in each epoch and for each seed, and in the same one each time."""
    questions = recipes()
    orders = [question_order(questions, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(60)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] == question_order(questions, 0, 0)


def test_tasks_are_mixed_all_along() -> None:
    """Of 40 and 20 questions shuffled together, each third holds some of both."""
    order = question_order(recipes(), 0, 0)
    for part in (order[:20], order[20:40], order[40:]):
        assert min(Counter(number < 40 for number in part).values()) >= 2


def test_a_schedule_keeps_its_order() -> None:
    """Questions built ever harder are asked ever harder, among those of the other task."""
    order = question_order(recipes(scheduled=True), 0, 0)
    assert [number for number in order if number < 40] == list(range(40))
    assert [number for number in order if number >= 40] != list(range(40, 60))
    assert any(number >= 40 for number in order[:20])


def test_one_tasks_order_does_not_depend_on_the_others() -> None:
    """Leaving a task out leaves the rest in their order."""
    both = [number for number in question_order(recipes(), 0, 0) if number < 40]
    assert both == question_order(recipes()[:40], 0, 0)


def test_groups_stand_together() -> None:
    """60 questions in chunks of 4 are 15 chunks of 12 keys, three of each question in succession."""
    keys = list(sampler(recipes()))
    assert len(keys) == 180 == len(sampler(recipes()))
    assert [key.number for key in keys[::3]] == question_order(recipes(), 0, 0)
    assert keys[0::3] == keys[1::3] == keys[2::3]
    assert all(key == Key(key.number, None, True) for key in keys)


def test_a_chunk_that_is_not_full_is_left_out() -> None:
    """By hand: 60 questions in chunks of 7 fill 8, and 4 questions wait."""
    chosen = sampler(recipes(), chunk=7)
    assert len(list(chosen)) == 8 * 7 * 3 == len(chosen)


def test_what_nobody_looks_at_is_not_shown() -> None:
    """TRL asks for a generation batch once for each of its parts; all but the first are empty."""
    keys = list(sampler(recipes(), repeats=2))
    first, again = keys[:12], keys[12:24]
    assert [key._replace(shown=False) for key in first] == again
    assert all(key.shown for key in first)


def test_another_epoch_has_another_order() -> None:
    """The data loader says which epoch begins."""
    chosen = sampler(recipes())
    first = list(chosen)
    chosen.set_epoch(1)
    assert [key.number for key in list(chosen)[::3]] == question_order(recipes(), 0, 1)
    assert first != list(chosen)


@pytest.mark.parametrize(
    ("workers", "parts", "ahead"), [(0, 1, 1), (0, 8, 1), (1, 1, 3), (1, 2, 2), (4, 8, 2)]
)
def test_how_far_a_loader_is_ahead(workers: int, parts: int, ahead: int) -> None:
    """By hand: two parts a worker and one of Accelerate's, in whole generation batches."""
    assert batches_ahead(workers, parts) == ahead


def test_every_question_has_its_turn() -> None:
    """Ten in chunks of four: two are left out of each epoch, the hardest no more often than others."""
    questions = [recipe("first", i, i / 10) for i in range(10)]
    asking, asked = sampler(questions, group=1), Counter[int]()
    for epoch in range(5):
        asking.set_epoch(epoch)
        numbers = [key.number for key in asking]
        assert sorted(numbers) == numbers  # still ever harder
        assert 8 == len(set(numbers))
        asked.update(numbers)
    assert dict.fromkeys(range(10), 4) == dict(asked)
