"""The page itself: what its template shows, and the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import yaml
from jinja2 import Environment, StrictUndefined

from videossr.atomic import write_bytes
from videossr.gallery.card import Card, cards_of
from videossr.gallery.policy import policy, scripts_of
from videossr.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from videossr.dataset import Dataset, Recipe
    from videossr.render import Renderer

#: By which a gallery is told from other files.
_GENERATOR: Final = '<meta name="generator" content="videossr gallery">'

#: Bytes at the start of a file in which that has to stand.
_HEAD: Final = 1024

#: Levels and the stretches between them, in order.
_LEVELS: Final = [
    text
    for level, harder in zip(LEVELS, [*list(LEVELS)[1:], ""], strict=True)
    for text in ([level, f"{level} to {harder}"] if harder else [level])
]


@dataclass(frozen=True, slots=True)
class Written:
    """What came of writing a gallery.

    Attributes:
        shown: questions on the page.
        questions: in the dataset.
        failed: by the name of a question, why it could not be rendered or marked.
        bytes: size of the file.
    """

    shown: int
    questions: int
    failed: Mapping[str, str]
    bytes: int


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task in the page's table; `floors` are the lowest and the highest of its questions."""

    name: str
    summary: str
    plugin: str
    questions: int
    videos: int
    shown: int
    floors: tuple[float, float]


def write_gallery(
    dataset: Dataset,
    recipes: Sequence[Recipe],
    renderer: Renderer,
    path: Path,
    *,
    title: str,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a gallery as one HTML file that refers to nothing outside of itself.

    Texts of the dataset, such as questions and paths, are shown and never interpreted. The same
    dataset gives the same bytes on the same builds of the decoder and the encoders, whatever the
    number of workers. The file appears whole or not at all.

    Args:
        recipes: of the dataset, those to show, in this order.
        renderer: of the dataset.
        path: where to; missing folders are made, an older file is replaced.
        title: what the dataset is called.
        workers: threads.
        progress: called with questions done and questions in all.
    """
    cards = cards_of(dataset, recipes, renderer, workers=workers, progress=progress)
    # A path may hold halves of characters, which no file can.
    page = _render(dataset, cards, renderer, title).encode("utf-8", "replace")
    write_bytes(path, page)
    failed = {card.recipe.name: card.problem for card in cards if card.problem}
    return Written(len(cards), len(dataset.recipes), failed, len(page))


def is_gallery(path: Path) -> bool:
    """Whether a file is a gallery, so that a new one may take its place."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _GENERATOR.encode() in file.read(_HEAD)


def _render(dataset: Dataset, cards: Sequence[Card], renderer: Renderer, title: str) -> str:
    package = resources.files("videossr.gallery")

    def text(name: str) -> str:
        return package.joinpath(name).read_text("utf-8")

    # Every text of a dataset is untrusted: what a plugin says, what a file is called.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["seconds"] = "{:.2f}".format
    template, script = text("gallery.html.jinja"), text("gallery.js")
    return environment.from_string(template).render(
        title=title,
        generator=_GENERATOR,
        policy=policy(*scripts_of(template, script)),
        style=text("gallery.css"),
        script=script,
        cards=cards,
        rows=_rows(dataset, cards, renderer),
        filters=_filters(cards, renderer),
        questions=len(dataset.recipes),
        videos=len({recipe.video for recipe in dataset.recipes}),
        failed=sum(bool(card.problem) for card in cards),
        left_out=dataset.header.left_out,
        broken=dataset.header.broken,
        config=yaml.safe_dump(_plain(dataset.config), sort_keys=False, allow_unicode=True),
    )


def _rows(dataset: Dataset, cards: Sequence[Card], renderer: Renderer) -> list[TaskRow]:
    rows = []
    for name in dataset.tasks:
        asked = dataset.of_task(name)
        shown = [card for card in cards if card.recipe.task == name]
        floors = [dataset.floor_of(recipe) for recipe in asked]
        origin = renderer.task(asked[0]).origin
        rows.append(
            TaskRow(
                name=name,
                summary=origin.summary,
                plugin=f"{origin.bringer}, version {origin.plugin_version}",
                questions=len(asked),
                videos=len({recipe.video for recipe in asked}),
                shown=len(shown),
                floors=(min(floors), max(floors)),
            )
        )
    return rows


def _filters(cards: Sequence[Card], renderer: Renderer) -> list[tuple[str, str, dict[str, int]]]:
    """By what cards are told apart: name, words and counted values; those with one value are left out."""
    altering = {name for name, one in renderer.config.plugins.items() if one.kind == "perturbation"}
    labels = _counted(sorted(card.label for card in cards if card.label))
    words = "Perturbation" if labels.keys() <= altering else "Marked"
    levels = _counted(sorted((card.level for card in cards), key=_LEVELS.index))
    filters = [
        ("task", "Task", _counted(card.recipe.task for card in cards)),
        ("level", "Level", levels),
        ("label", words, labels),
    ]
    return [one for one in filters if len(one[2]) > 1]


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values))


def _plain(tree: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A tree as YAML writes it, without its marks for tuples."""
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    return [_plain(value) for value in tree] if isinstance(tree, list | tuple) else tree
