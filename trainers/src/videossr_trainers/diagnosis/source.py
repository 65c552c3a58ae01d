"""What is diagnosed: a dataset of ours, or a list of questions with a stated scorer."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import xxhash

from videossr.build import floors_of
from videossr.completion import said
from videossr.config import resolve
from videossr.gallery.choice import level_of
from videossr.marks import marks_of
from videossr.origin import SECTIONS
from videossr.render import Renderer
from videossr.seeds import derive_seed
from videossr_trainers.downstream.outcome import sample_of
from videossr_trainers.downstream.truth import Grade, grade
from videossr_trainers.downstream.truths import SCORERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videossr.dataset import Dataset, Recipe
    from videossr.floors import Floors
    from videossr.marks import Mark
    from videossr.registry import Registry
    from videossr.sample import Sample
    from videossr_trainers.downstream.reading import Plain, QuestionList, Row
    from videossr_trainers.downstream.truths import Scorer
    from videossr_trainers.downstream.videos import Videos

#: A field has few values where there are at most so many, and so many questions to each on average.
_MOST_VALUES: Final = 12
_FEWEST_EACH: Final = 4


@dataclass(frozen=True, slots=True)
class Posed:
    """A question as it was put to the model, without its pixels.

    Attributes:
        key: by which it is told from others.
        name: what it is called.
        task, level: by which figures are given; no level where the source has none.
        video: what is the same for questions about the same video.
        floor: what the best answer earns that never sees the picture; None where nobody knows.
        question, answer: the prompt's text, and the right answer.
        fields: plain values that belong to it, by some of which figures are given too.
    """

    key: str
    name: str
    task: str
    level: str
    video: str
    floor: float | None
    question: str = ""
    answer: str = ""
    fields: Mapping[str, Plain] = field(default_factory=dict)


class Source(Protocol):
    """Questions that can be asked, graded and shown."""

    @property
    def keys(self) -> Sequence[str]:
        """Of the questions, those about one video in succession."""
        ...

    @property
    def absent(self) -> Mapping[str, str]:
        """By name, why some questions cannot be asked, as far as is known before."""
        ...

    def sample(self, key: str) -> Sample:
        """The question with its pixels.

        Raises:
            VideoError, DatasetError: it cannot be made.
        """
        ...

    def posed(self, key: str) -> Posed:
        """The question without its pixels; its texts are known once its sample was made."""
        ...

    def grade(self, key: str, completion: str) -> Grade:
        """What a completion is worth; its sample was made before."""
        ...

    def marks(self, key: str, sample: Sample) -> Sequence[Mark]:
        """What there is to see in a sample."""
        ...


class DatasetSource:
    """Some questions of a dataset, graded by their own tasks, without modifiers.

    A modifier such as a strict reward would hide the very thing that is compared here.

    Args:
        dataset: whose videos are where they were.
        renderer: of the dataset, as `plain_renderer` makes it.
        limit: most questions of a task, chosen by a hash; None for all.
    """

    def __init__(self, dataset: Dataset, renderer: Renderer, *, limit: int | None = None) -> None:
        self._renderer = renderer
        chosen = [r for task in dataset.tasks for r in _chosen(dataset.of_task(task), limit)]
        self._recipes = {f"{recipe.task} {recipe.index}": recipe for recipe in chosen}
        self._floors = _plain_floors(dataset, chosen, renderer)
        #: Answer, target and text of the samples that were made.
        self._made: dict[str, tuple[str, str, Mapping[str, Any]]] = {}

    @property
    def keys(self) -> Sequence[str]:
        """Of the questions, those about one video in succession."""
        return sorted(self._recipes, key=lambda key: (self._recipes[key].excerpt, key))

    @property
    def absent(self) -> Mapping[str, str]:
        """None: what cannot be made is found on the way."""
        return {}

    def sample(self, key: str) -> Sample:
        """As `Source.sample`."""
        sample = self._renderer.render(self._recipes[key])
        self._made[key] = (sample.question, sample.answer, sample.target)
        return sample

    def posed(self, key: str) -> Posed:
        """As `Source.posed`."""
        recipe = self._recipes[key]
        question, answer, target = self._made.get(key, (recipe.question, recipe.answer, {}))
        return Posed(
            key=key,
            name=key,
            task=recipe.task,
            level=level_of(recipe.difficulty),
            video=recipe.video_hash,
            floor=self._floors.at(recipe.task, recipe.difficulty),
            question=question,
            answer=answer,
            fields={
                name: value
                for name, value in target.items()
                if isinstance(value, str | int | float)
            },
        )

    def grade(self, key: str, completion: str) -> Grade:
        """As `Source.grade`, by the task's own reward of what is left without thinking."""
        recipe = self._recipes[key]
        _, answer, target = self._made[key]
        text = said(completion)
        score = self._renderer.task(recipe).score(text, answer, target, recipe.context)
        return Grade(score.value, " ".join(text.split()), score.parsed, score.reason)

    def marks(self, key: str, sample: Sample) -> Sequence[Mark]:
        """As `Source.marks`, those of the task."""
        recipe = self._recipes[key]
        return marks_of(self._renderer.task(recipe), sample, recipe.context)


def plain_renderer(dataset: Dataset, registry: Registry | None = None) -> Renderer:
    """The renderer of a dataset whose rewards have no modifiers around them.

    Those that alter its clips stay: they are part of its questions.

    Args:
        dataset: to be rendered.
        registry: the plugins to choose from; by default as the dataset's configuration says.

    Raises:
        ConfigError, DatasetError: as `Renderer.for_dataset`.
    """
    tree = {name: part for name, part in dataset.config.items() if name in SECTIONS}
    aside = resolve(tree, registry).of_rewards
    modifiers = {n: entry for n, entry in tree.get("modifiers", {}).items() if n not in aside}
    config = {**dataset.config, "modifiers": modifiers}
    plain = replace(dataset, header=replace(dataset.header, config=config))
    return Renderer.for_dataset(plain, registry=registry)


def content_of(dataset: Dataset) -> str:
    """A hash, 128 bits, hexadecimal, that is the same for datasets of the same questions."""
    rows = (f"{r.task} {r.seed} {r.video_hash} {r.settings} {r.digest}" for r in dataset.recipes)
    return xxhash.xxh3_128_hexdigest("\n".join(rows).encode())


class ListSource:
    """Questions of a list, all of one task, graded by a scorer.

    Args:
        listed: the list.
        videos: of its questions.
        scorer: by which it was read; it gives the task its name.
        limit: most questions, chosen by a hash; None for all.
    """

    def __init__(
        self, listed: QuestionList, videos: Videos, scorer: Scorer, *, limit: int | None = None
    ) -> None:
        self._videos = videos
        self._task = SCORERS[scorer]
        ranked = sorted(listed.rows, key=lambda row: derive_seed("diagnose", row.name))
        self._rows = {row.name: row for row in ranked[:limit]}

    @property
    def keys(self) -> Sequence[str]:
        """Of the questions whose video is there, those about one video in succession."""
        there = [key for key, row in self._rows.items() if not self._videos.absent(row.video)]
        return sorted(there, key=lambda key: (self._rows[key].video, key))

    @property
    def absent(self) -> Mapping[str, str]:
        """The questions whose video is missing or cannot be read."""
        return {
            key: f"{row.video}: {absent.reason}"
            for key, row in self._rows.items()
            if (absent := self._videos.absent(row.video))
        }

    def sample(self, key: str) -> Sample:
        """As `Source.sample`."""
        return sample_of(self._rows[key], self._videos)

    def posed(self, key: str) -> Posed:
        """As `Source.posed`."""
        row: Row = self._rows[key]
        return Posed(
            key=key,
            name=row.name,
            task=self._task,
            level="",
            video=self._videos.content(row.video),
            floor=None,
            question=row.prompt,
            answer=row.truth.shown,
            fields=row.facets,
        )

    def grade(self, key: str, completion: str) -> Grade:
        """As `Source.grade`."""
        return grade(self._rows[key].truth, completion)

    def marks(self, key: str, sample: Sample) -> Sequence[Mark]:
        """None: a list says nothing of what there is to see."""
        del key, sample
        return ()


def few_valued(questions: Iterable[Posed]) -> list[str]:
    """The fields that have few values among some questions, and more than one.

    Of a task whose target names what was done to the video, that is such a field.
    """
    values: dict[str, Counter[Plain]] = defaultdict(Counter)
    for question in questions:
        for name, value in question.fields.items():
            values[name][value] += 1
    return [
        name
        for name, counted in values.items()
        if 1 < len(counted) <= _MOST_VALUES and counted.total() >= _FEWEST_EACH * len(counted)
    ]


def _chosen(recipes: Sequence[Recipe], limit: int | None) -> Sequence[Recipe]:
    """Some of a task's questions, at random and always the same ones."""
    return sorted(recipes, key=lambda recipe: derive_seed("diagnose", recipe.seed))[:limit]


def _plain_floors(dataset: Dataset, recipes: Sequence[Recipe], renderer: Renderer) -> Floors:
    """The blind floors of the tasks' own rewards."""
    modifiers = dataset.config.get("modifiers") or {}
    if any(one.get("enabled", True) for one in modifiers.values()):
        return floors_of(renderer.config, recipes, renderer)
    return dataset.header.floors
