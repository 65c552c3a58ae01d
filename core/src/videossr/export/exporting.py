"""Rendering the questions of a dataset into the files of another trainer.

The folder appears whole or not at all. What has been rendered lies beside it, hidden, until then: after a
kill the same command goes on where it stopped, and writes the same bytes.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

import xxhash

from videossr.atomic import UNFINISHED, publish
from videossr.engine import Local
from videossr.errors import ConfigError, DatasetError, Mistake, Unsuitable
from videossr.export.choice import Split, choose
from videossr.export.peer import HandOver, Peer
from videossr.export.question import Question
from videossr.journal import Journal
from videossr.threads import one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from videossr.dataset import Dataset, Recipe
    from videossr.engine import Engine
    from videossr.export.shown import Writer
    from videossr.render import Renderer

    #: A question with its files, or why there is none.
    _Made = Question | str

#: Version of what is kept beside an export that was not finished.
_FORMAT: Final = 1

#: Why a question is left out that borrows frames from the other side.
_STRADDLES: Final = "its two videos are on both sides of the split"


@dataclass(frozen=True, slots=True)
class Exports:
    """What was written.

    Attributes:
        questions: by side of the split.
        files, bytes: of the rendered pictures; how many.
        left_out: why questions were left out, counted.
    """

    questions: Mapping[str, int]
    files: int
    bytes: int
    left_out: Mapping[str, int]


def export_dataset(
    dataset: Dataset,
    renderer: Renderer,
    folder: Path,
    peer: Peer,
    writer: Writer,
    *,
    split: Split = "both",
    questions: int | None = None,
    place: Path | None = None,
    engine: Engine | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Exports:
    """Write a dataset as another trainer reads it.

    Args:
        dataset: what is handed over.
        renderer: of the dataset.
        folder: to be made.
        peer: who is to read it.
        writer: how clips are written; one of those that `peer` reads.
        split, questions: as for `choice.choose`.
        place: where the folder will lie when it is read, since most trainers take whole paths; by default
            where it is made.
        engine: where questions are rendered; by default one after the other, here.
        progress: called with questions done and questions in all.

    Raises:
        ConfigError: something is there already, another export is writing there, or no question is left.
        DatasetError, VideoError, PluginError: a question cannot be rendered; the others are kept for the next
            time.
    """
    refuse_existing(folder)
    sides, straddling = choose(dataset, split, questions)
    numbers = [number for some in sides.values() for number in some]
    aside = folder.with_name(f".{folder.name}.export{UNFINISHED}")
    head = _head(dataset, peer, writer, numbers)
    with Journal(folder, head, "another export is writing this folder") as journal:
        made = _kept(journal, aside)
        _clear(aside, {name for one in made.values() for name in _files_of(one)})
        rendering = Rendering(renderer, writer, aside.absolute())
        _make_rest(numbers, made, dataset, rendering, journal, engine or Local(), progress)
        by_side = {
            side: [one for number in some if isinstance(one := made[number], Question)]
            for side, some in sides.items()
        }
        reasons = Counter(one for one in made.values() if isinstance(one, str))
        reasons.update({_STRADDLES: straddling} if straddling else {})
        handed = HandOver(
            dataset=dataset,
            questions={side: some for side, some in by_side.items() if some},
            folder=aside,
            place=(place or folder).resolve(),
            writer=writer,
            left_out=dict(sorted(reasons.items())),
        )
        if not handed.questions:
            raise DatasetError(f"no question of the dataset holds: {', '.join(handed.left_out)}")
        files = handed.files
        peer.write(handed)
        publish(aside, folder, replace=False)
        journal.remove()
    return Exports(
        {side: len(some) for side, some in handed.questions.items()},
        len(files),
        sum(files.values()),
        handed.left_out,
    )


def refuse_existing(folder: Path) -> None:
    """Raise `ConfigError` if there is something where the folder is to be made."""
    if folder.exists():
        right = "choose another folder, or remove this one"
        raise ConfigError(Mistake(str(folder), "exists already", right))


def _head(dataset: Dataset, peer: Peer, writer: Writer, numbers: Sequence[int]) -> list[object]:
    """What the files of a question depend on."""
    hasher = xxhash.xxh3_128(repr(numbers).encode())
    for recipe in dataset.recipes:
        hasher.update(repr(astuple(recipe)).encode())
    facts = [peer.name, dict(writer.identity), getattr(writer, "even", False)]
    return ["videossr export", _FORMAT, *facts, dataset.config, dataset.plugins, hasher.hexdigest()]


def _kept(journal: Journal, aside: Path) -> dict[int, _Made]:
    """What an export that was ended has made, as far as its files are whole."""
    kept: dict[int, _Made] = {}
    for number, entry in journal.entries:
        one = entry if isinstance(entry, str) else Question.from_json(entry)
        if all(_size(aside / name) == size for name, size in _files_of(one).items()):
            kept[number] = one
    return kept


def _make_rest(
    numbers: Sequence[int],
    made: dict[int, _Made],
    dataset: Dataset,
    rendering: Rendering,
    journal: Journal,
    engine: Engine,
    progress: Callable[[int, int], None] | None,
) -> None:
    # Questions about one video follow each other, so that its clips are still in memory.
    missing = sorted({*numbers} - made.keys(), key=lambda n: (dataset.recipes[n].excerpt, n))
    recipes = [(n, dataset.recipes[n], dataset.floor_of(dataset.recipes[n])) for n in missing]
    with (
        engine.at(rendering, together=lambda one: one[1].excerpt) as each,
        closing(each(recipes)) as results,
    ):
        for (number, *_), one in results:
            made[number] = one
            journal.add([number, one if isinstance(one, str) else one.as_json()])
            if progress:
                progress(len(made), len(numbers))


@dataclass(frozen=True)
class Rendering:
    """The work of an export: a recipe and its floor in, the question with its files out."""

    renderer: Renderer
    writer: Writer
    aside: Path

    @contextmanager
    def begin(self) -> Iterator[Callable[[tuple[int, Recipe, float]], _Made]]:
        """As `Work.begin`."""
        with one_torch_thread():
            yield lambda one: self._made(*one[1:])

    def _made(self, recipe: Recipe, floor: float) -> _Made:
        """A question with its files, or why a question that was only planned does not hold."""
        if recipe.checked:
            sample = self.renderer.render(recipe)
        else:
            try:
                sample = self.renderer.make(recipe)
            except Unsuitable as error:
                return str(error)
        clips = [self.writer.write(clip, self.aside) for clip in sample.clips]
        return Question.of(recipe, sample, clips, floor)


def _files_of(one: _Made) -> dict[str, int]:
    return {} if isinstance(one, str) else one.files


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _clear(aside: Path, keep: Collection[str]) -> None:
    """Remove what belongs to no question that is kept: a kill, or a power cut, may have torn it."""
    for path in aside.rglob("*") if aside.is_dir() else ():
        if path.is_file() and path.relative_to(aside).as_posix() not in keep:
            path.unlink()
