"""The order of questions, and the keys by which they are asked for."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import pytest
from accelerate.data_loader import BatchSamplerShard
from hypothesis import given
from hypothesis import strategies as st
from plain_recipes import plain_recipe
from torch.utils.data import BatchSampler

from videossr_trainers.questions.difficulty import DifficultyTrail, batches_ahead
from videossr_trainers.questions.order import (
    Key,
    NumberSampler,
    QuestionOrder,
    QuestionSampler,
    quotas,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videossr.dataset import Recipe


def recipe(task: str, index: int, difficulty: float = 0.5) -> Recipe:
    """A recipe that nobody renders."""
    return plain_recipe(task, index, difficulty=difficulty)


def recipes(*, scheduled: bool = False) -> list[Recipe]:
    """40 questions of one task, which may get harder, then 20 of another."""
    first = [recipe("first", i, i / 40 if scheduled else 0.5) for i in range(40)]
    return [*first, *(recipe("second", i) for i in range(20))]


def question_order(questions: Sequence[Recipe], seed: int, epoch: int) -> list[int]:
    """The order of an epoch with room for all of them, weighed as they are."""
    return QuestionOrder(questions, seed).epoch(epoch, len(questions))


def sampler(
    questions: list[Recipe],
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
    **settings: int,
) -> QuestionSampler:
    """Keys in chunks of 4 questions, 3 answers each."""
    chosen = {"group": 3, "chunk": 4, "repeats": 1} | settings
    trail = DifficultyTrail({}, 1)
    return QuestionSampler(questions, seed, trail=trail, weights=weights, **chosen)


def asked(chosen: QuestionSampler, epochs: int) -> list[list[int]]:
    """The questions of each of some epochs, once for each group."""
    found = []
    for epoch in range(epochs):
        chosen.set_epoch(epoch)
        found.append([key.number for key in list(chosen)[:: chosen.group]])
    return found


def test_an_epoch_asks_every_question_once() -> None:
    """In another order in each epoch and for each seed, and in the same one each time."""
    questions = recipes()
    orders = [question_order(questions, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(60)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] == question_order(questions, 0, 0)


def test_single_questions_come_in_the_same_order() -> None:
    """For a trainer that asks for numbers: an epoch's order, by weight too; what gets harder stays so."""
    questions = recipes(scheduled=True)
    for weights in (None, {"first": 1.0, "second": 9.0}):
        numbers = NumberSampler(questions, 3, weights)
        for epoch in (0, 1):
            numbers.set_epoch(epoch)
            found = [*numbers]
            assert QuestionOrder(questions, 3, weights).epoch(epoch, 60) == found
            assert len(numbers) == len(found)
            first = [number for number in found if number < 40]
            assert sorted(first) == first


def test_tasks_are_mixed_evenly() -> None:
    """Of 40 and 20 questions each six hold four of the first, and seldom one more or less; never two."""
    order = question_order(recipes(), 0, 0)
    counts = [sum(number < 40 for number in order[at : at + 6]) for at in range(0, 60, 6)]
    assert {3, 4, 5} >= set(counts)
    assert 40 == sum(counts)


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
    counts = Counter[int]()
    for numbers in asked(sampler(questions, group=1), 5):
        assert sorted(numbers) == numbers  # still ever harder
        assert 8 == len(set(numbers))
        counts.update(numbers)
    assert dict.fromkeys(range(10), 4) == dict(counts)


def test_weights_change_the_mix_and_not_the_length() -> None:
    """By hand: of 60 questions, weights of 1 and 3 give 15 and 45, all along."""
    (numbers,) = asked(sampler(recipes(), {"first": 1, "second": 3}), 1)
    assert 60 == len(numbers)
    assert 15 == sum(number < 40 for number in numbers)
    halves = [sum(number < 40 for number in half) for half in (numbers[:30], numbers[30:])]
    assert {7, 8} >= set(halves)


_WEIGHTS = st.lists(st.floats(0.01, 100), min_size=1, max_size=5)


@given(_WEIGHTS, st.integers(1, 500))
def test_quotas_are_exact_in_expectation(some: list[float], size: int) -> None:
    """Over chances spread evenly, a task's mean quota is its share, as near as their number allows."""
    weights = {f"task{i}": weight for i, weight in enumerate(some)}
    chances = [Fraction(2 * i + 1, 400) for i in range(200)]
    drawn = [quotas(weights, size, chance) for chance in chances]
    assert {size} == {sum(one.values()) for one in drawn}
    total = sum(map(Fraction, some))
    for task, weight in weights.items():
        share = size * Fraction(weight) / total
        each = [one[task] for one in drawn]
        assert all(abs(count - share) < 1 for count in each)
        assert abs(Fraction(sum(each), len(each)) - share) <= Fraction(1, 100)


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    data=st.data(),
    seed=st.integers(0, 2**32 - 1),
    chunk=st.integers(1, 5),
)
def test_nothing_comes_again_before_all_of_its_task(
    counts: list[int], data: st.DataObject, seed: int, chunk: int
) -> None:
    """Whatever the weights: a task's questions over all epochs fall into turns that ask each once."""
    questions = [recipe(f"task{t}", i) for t, count in enumerate(counts) for i in range(count)]
    weights = {f"task{t}": data.draw(st.floats(0.05, 20)) for t in range(len(counts))}
    chunk = min(chunk, len(questions))
    epochs = asked(sampler(questions, weights, seed, chunk=chunk), 5)
    assert epochs == asked(sampler(questions, weights, seed, chunk=chunk), 5)
    assert {len(questions) // chunk * chunk} == set(map(len, epochs))
    in_order = [number for numbers in epochs for number in numbers]
    for t, count in enumerate(counts):
        of_task = [number for number in in_order if questions[number].task == f"task{t}"]
        for start in range(0, len(of_task), count):
            turn = of_task[start : start + count]
            assert len(turn) == len(set(turn))


@given(st.floats(0.05, 20), st.integers(0, 2**32 - 1))
def test_a_schedule_keeps_its_order_under_any_weight(weight: float, seed: int) -> None:
    """In an epoch the questions get ever harder, and begin anew only where a turn ends."""
    questions = recipes(scheduled=True)
    begun = 0
    for numbers in asked(sampler(questions, {"first": weight, "second": 1}, seed), 4):
        of_task = [number for number in numbers if number < 40]
        falls = [at for at, (one, two) in enumerate(pairwise(of_task), 1) if two < one]
        assert {(begun + at) % 40 for at in falls} <= {0}
        begun += len(of_task)


def test_a_schedule_of_which_a_part_is_asked_still_ends_hard() -> None:
    """A quarter of a task's questions is drawn from all of them, not from the easy ones."""
    (numbers,) = asked(sampler(recipes(scheduled=True), {"first": 1, "second": 5}), 1)
    of_task = [number for number in numbers if number < 40]
    assert 10 == len(of_task)
    assert of_task == sorted(of_task)
    assert min(of_task) < 10
    assert max(of_task) >= 30


@pytest.mark.parametrize("processes", [2, 4])
def test_the_order_does_not_depend_on_the_number_of_processes(processes: int) -> None:
    """What the processes are given of each generation batch is, side by side, what one would be given."""
    weights = {"first": 1.0, "second": 3.0}

    def batches(count: int, index: int) -> list[list[Key]]:
        rows = BatchSampler(sampler(recipes(), weights), 12 // count, drop_last=True)
        return list(BatchSamplerShard(rows, count, index))

    shards = [batches(processes, index) for index in range(processes)]
    together = [list(chain(*parts)) for parts in zip(*shards, strict=True)]
    assert batches(1, 0) == together
