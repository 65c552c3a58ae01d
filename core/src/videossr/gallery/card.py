"""From recipes to cards: each question rendered, encoded for the page, and let go."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videossr.errors import PluginError, VideossrError
from videossr.gallery.choice import level_of
from videossr.gallery.player import Player, colours_of, player_of
from videossr.marks import marks_of
from videossr.threads import one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videossr.dataset import Dataset, Recipe
    from videossr.marks import Mark
    from videossr.render import Renderer
    from videossr.sample import Sample


@dataclass(frozen=True, slots=True)
class Card:
    """A question as the page shows it. What could not be made is left empty.

    Attributes:
        recipe: what it is made from.
        level: of its difficulty, or the stretch between two levels.
        floor: what the best answer earns that never sees the pixels.
        prompt: texts, and the numbers of the clips in their places.
        target: what else the reward needs, as JSON.
        label: the one label of its marks, such as the perturbation; empty where they have several.
        problem: why it could not be rendered, or marked.
    """

    recipe: Recipe
    level: str
    floor: float
    prompt: Sequence[str | int] = ()
    answer: str = ""
    target: str = ""
    label: str = ""
    players: Sequence[Player] = ()
    problem: str = ""


def cards_of(
    dataset: Dataset,
    recipes: Sequence[Recipe],
    renderer: Renderer,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Card]:
    """The cards of some recipes, in their order.

    A question that cannot be rendered is a card that says why.

    Args:
        workers: threads; decoding and encoding run outside of Python's lock.
        progress: called with cards done and cards in all.
    """
    # Questions about one video follow each other, so that its clips are still in memory.
    by_video = sorted(range(len(recipes)), key=lambda i: (recipes[i].excerpt, i))
    cards: list[Card | None] = [None] * len(recipes)
    with one_torch_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            made = pool.map(lambda i: _card(dataset, recipes[i], renderer), by_video)
            for done, (i, card) in enumerate(zip(by_video, made, strict=True), start=1):
                cards[i] = card
                if progress:
                    progress(done, len(recipes))
        finally:
            # After Ctrl-C or a failure, the questions not yet begun are let go.
            pool.shutdown(cancel_futures=True)
    return [card for card in cards if card]


def _card(dataset: Dataset, recipe: Recipe, renderer: Renderer) -> Card:
    level, floor = level_of(recipe.difficulty), dataset.floor_of(recipe)
    try:
        sample = renderer.render(recipe)
    except VideossrError as error:
        return Card(recipe, level, floor, problem=str(error))
    marks, problem = _marks(renderer, recipe, sample)
    labels, colours = {mark.label for mark in marks}, colours_of(marks)
    several = len(sample.clips) > 1
    return Card(
        recipe,
        level,
        floor,
        prompt=_prompt(sample),
        answer=sample.answer,
        target=json.dumps(dict(sample.target), indent=2) if sample.target else "",
        label=labels.pop() if len(labels) == 1 else "",
        players=[
            player_of(
                clip, [mark for mark in marks if mark.clip == number], colours, several=several
            )
            for number, clip in enumerate(sample.clips)
        ],
        problem=problem,
    )


def _marks(renderer: Renderer, recipe: Recipe, sample: Sample) -> tuple[Sequence[Mark], str]:
    """The marks of a sample, or none and why."""
    task = renderer.task(recipe)
    try:
        return marks_of(task, sample, recipe.context), ""
    except PluginError as error:
        return (), str(error)


def _prompt(sample: Sample) -> list[str | int]:
    """The prompt as it is read: texts, and in its place each clip's number, from 1."""
    parts: list[str | int] = []
    clips = 0
    for message in sample.prompt:
        for part in message["content"]:
            if part["type"] == "video":
                clips += 1
                parts.append(clips)
            else:
                parts.append(part["text"])
    return parts
