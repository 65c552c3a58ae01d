"""The order in which questions are asked, and how hard.

Tasks are mixed evenly all along. A task whose questions were built at several difficulties keeps their
order, which is its schedule; the questions of all others are shuffled, anew in each epoch.

Where the run weighs its tasks as the dataset does, an epoch asks every question once. Otherwise an
epoch has as many questions, each task has its share of them by weight, and asks its own in turns: none
comes again before all of its task have had their turn, over the ends of epochs too.

All of it follows from the recipes, the weights, the seed and the epoch, so that it is the same on any
number of processes and can be taken up anywhere.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import accumulate, pairwise
from math import floor
from typing import TYPE_CHECKING, NamedTuple

from torch.utils.data import Sampler

from videossr.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from videossr.dataset import Recipe
    from videossr_trainers.questions.difficulty import DifficultyTrail


class Key(NamedTuple):
    """One row of a batch.

    Attributes:
        number: the recipe's, among those of the run.
        difficulty: at which it is asked; None for the recipe's own.
        shown: whether anybody looks at the row. TRL asks for a generation batch once for each of its
            parts and reads the first answer alone.
    """

    number: int
    difficulty: float | None = None
    shown: bool = True


def quotas(weights: Mapping[str, float], size: int, chance: Fraction) -> dict[str, int]:
    """How many of some questions are each task's: whole numbers, `size` in all.

    Each is its share by weight, rounded up or down. Over all chances its mean is the share itself.

    Args:
        weights: of the tasks, in the order in which chance goes over them.
        size: questions in all.
        chance: from 0 to 1, 1 not included.
    """
    exact = {task: Fraction(weight) for task, weight in weights.items()}
    total = sum(exact.values())
    ends = accumulate((size * weight / total for weight in exact.values()), initial=Fraction(0))
    whole = [floor(end + chance) for end in ends]
    return dict(zip(exact, (stop - start for start, stop in pairwise(whole)), strict=True))


class QuestionOrder:
    """Which questions an epoch asks, and in which order.

    Args:
        recipes: of the run.
        seed: the run's root seed.
        weights: of the tasks; None asks every question once an epoch.
    """

    def __init__(
        self, recipes: Sequence[Recipe], seed: int, weights: Mapping[str, float] | None = None
    ) -> None:
        self.seed = seed
        self.weights = weights
        self._recipes = recipes
        self._by_task: dict[str, list[int]] = defaultdict(list)
        for number, recipe in enumerate(recipes):
            self._by_task[recipe.task].append(number)
        for numbers in self._by_task.values():
            numbers.sort(key=lambda number: recipes[number].index)
        self._scheduled = {
            task: len({recipes[number].difficulty for number in numbers}) > 1
            for task, numbers in self._by_task.items()
        }

    def epoch(self, epoch: int, size: int) -> list[int]:
        """The numbers of the recipes that an epoch of that many questions asks, in order."""
        if self.weights is None:
            left_out = self._left_out(epoch, size)
            of_tasks = [
                [number for number in self._turns(task, epoch, numbers) if number not in left_out]
                for task, numbers in self._by_task.items()
            ]
        else:
            shares = [self._quotas(before, size) for before in range(epoch + 1)]
            of_tasks = [
                self._from_turns(task, sum(share[task] for share in shares[:-1]), shares[-1][task])
                for task in self._by_task
            ]
        return self._mixed(of_tasks, epoch)

    def _quotas(self, epoch: int, size: int) -> dict[str, int]:
        weights = {task: self.weights[task] for task in self._by_task} if self.weights else {}
        return quotas(weights, size, Fraction(derive_seed(self.seed, "quotas", epoch), 2**64))

    def _from_turns(self, task: str, start: int, count: int) -> list[int]:
        """Some of a task's questions: those from `start` on, of all its turns one after the other."""
        numbers = self._by_task[task]
        found: list[int] = []
        while count:
            turn, begun = divmod(start, len(numbers))
            taken = min(count, len(numbers) - begun)
            of_turn = self._shuffled(task, turn, numbers)[begun : begun + taken]
            # What is asked of a turn is a part of it drawn by chance, and still gets ever harder.
            found += sorted(of_turn, key=self._index) if self._scheduled[task] else of_turn
            start, count = start + taken, count - taken
        return found

    def _turns(self, task: str, turn: int, numbers: Iterable[int]) -> list[int]:
        return list(numbers) if self._scheduled[task] else self._shuffled(task, turn, numbers)

    def _shuffled(self, task: str, turn: int, numbers: Iterable[int]) -> list[int]:
        def chance(number: int) -> int:
            return derive_seed(self.seed, "training order", turn, task, self._index(number))

        return sorted(numbers, key=chance)

    def _mixed(self, of_tasks: Iterable[Sequence[int]], epoch: int) -> list[int]:
        """The questions of all tasks, each task's spread evenly over the whole."""
        placed = []
        for numbers in of_tasks:
            for rank, number in enumerate(numbers):
                task = self._recipes[number].task
                chance = derive_seed(self.seed, "mix", epoch, task, rank) / 2**64
                placed.append(((rank + chance) / len(numbers), number))
        return [number for _, number in sorted(placed)]

    def _left_out(self, epoch: int, size: int) -> frozenset[int]:
        """The questions that an epoch has no room for: each epoch others, until all had their turn."""
        count = len(self._recipes)
        spare = count - size
        turns = sorted(range(count), key=lambda n: derive_seed(self.seed, "left out", n))
        return frozenset(turns[(epoch * spare + i) % count] for i in range(spare))

    def _index(self, number: int) -> int:
        return self._recipes[number].index


class NumberSampler(Sampler[int]):
    """Numbers of recipes, each epoch in its order, for a trainer that asks for single questions.

    Args:
        recipes: of the run.
        seed: the run's root seed.
        weights: of the tasks, as in `QuestionOrder`.
    """

    def __init__(
        self, recipes: Sequence[Recipe], seed: int, weights: Mapping[str, float] | None = None
    ) -> None:
        self.order = QuestionOrder(recipes, seed, weights)
        self.size = len(recipes)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader when an epoch begins."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[int]:
        return iter(self.order.epoch(self.epoch, self.size))


class QuestionSampler(Sampler[Key]):
    """Keys of whole groups, chunk by chunk, as TRL's trainer wants them.

    Args:
        recipes: of the run.
        seed: the run's root seed.
        group: answers to a question, N.
        chunk: questions of a generation batch, over all processes.
        repeats: how often TRL asks for each generation batch.
        trail: where the difficulty of tasks that follow the rewards is read.
        weights: of the tasks, as in `QuestionOrder`.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        seed: int,
        *,
        group: int,
        chunk: int,
        repeats: int,
        trail: DifficultyTrail,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.recipes = recipes
        self.order = QuestionOrder(recipes, seed, weights)
        self.group = group
        self.chunk = chunk
        self.repeats = repeats
        self.trail = trail
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the data loader when an epoch begins."""
        self.epoch = epoch

    @property
    def chunks(self) -> int:
        """Generation batches of an epoch; questions that fill no whole one are left out of it."""
        return len(self.recipes) // self.chunk

    def __len__(self) -> int:
        return self.chunks * self.chunk * self.group * self.repeats

    def __iter__(self) -> Iterator[Key]:
        order = self.order.epoch(self.epoch, self.chunks * self.chunk)
        for number in range(self.chunks):
            batch = self.epoch * self.chunks + number
            asked = order[number * self.chunk : (number + 1) * self.chunk]
            keys = [Key(one, self.trail.at(self.recipes[one].task, batch)) for one in asked]
            for repeat in range(self.repeats):
                for key in keys:
                    shown = key if not repeat else key._replace(shown=False)
                    for _ in range(self.group):
                        yield shown
