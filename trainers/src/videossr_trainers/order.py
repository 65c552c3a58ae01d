"""The order in which questions are asked, and how hard.

Tasks are mixed evenly all along. A task whose questions were built at several difficulties keeps their
order, which is its schedule; the questions of all others are shuffled, anew in each epoch.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from torch.utils.data import Sampler

from videossr.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videossr.dataset import Recipe
    from videossr_trainers.difficulty import DifficultyTrail


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


def question_order(recipes: Sequence[Recipe], seed: int, epoch: int) -> list[int]:
    """The numbers of the recipes, in the order in which an epoch asks them."""
    by_task: dict[str, list[int]] = defaultdict(list)
    for number, recipe in enumerate(recipes):
        by_task[recipe.task].append(number)
    place: dict[int, float] = {}
    for task, numbers in by_task.items():
        scheduled = len({recipes[number].difficulty for number in numbers}) > 1
        for rank, number in enumerate(sorted(numbers, key=lambda n: recipes[n].index)):
            chance = derive_seed(seed, "training order", epoch, task, recipes[number].index) / 2**64
            place[number] = (rank + chance) / len(numbers) if scheduled else chance
    return sorted(place, key=lambda number: (place[number], number))


class QuestionSampler(Sampler[Key]):
    """Keys of whole groups, chunk by chunk, as TRL's trainer wants them.

    Args:
        recipes: of the run.
        seed: the run's root seed.
        group: answers to a question, N.
        chunk: questions of a generation batch, over all processes.
        repeats: how often TRL asks for each generation batch.
        trail: where the difficulty of tasks that follow the rewards is read.
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
    ) -> None:
        self.recipes = recipes
        self.seed = seed
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

    def _left_out(self) -> frozenset[int]:
        """The questions that this epoch has no room for: each epoch others, until all had their turn."""
        count = len(self.recipes)
        spare = count - self.chunks * self.chunk
        turns = sorted(range(count), key=lambda n: derive_seed(self.seed, "left out", n))
        return frozenset(turns[(self.epoch * spare + i) % count] for i in range(spare))

    def __len__(self) -> int:
        return self.chunks * self.chunk * self.group * self.repeats

    def __iter__(self) -> Iterator[Key]:
        left_out = self._left_out()
        asked_now = question_order(self.recipes, self.seed, self.epoch)
        order = [number for number in asked_now if number not in left_out]
        for number in range(self.chunks):
            batch = self.epoch * self.chunks + number
            asked = order[number * self.chunk : (number + 1) * self.chunk]
            keys = [Key(one, self.trail.at(self.recipes[one].task, batch)) for one in asked]
            for repeat in range(self.repeats):
                for key in keys:
                    shown = key if not repeat else key._replace(shown=False)
                    for _ in range(self.group):
                        yield shown
