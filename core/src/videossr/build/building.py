"""A dataset from a configuration and videos: planned, checked if that is asked for, and written."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import xxhash

from videossr.build.card import card
from videossr.build.checking import check
from videossr.build.floors import plan_floors, refuse_hopeless
from videossr.build.planning import Plan, counted
from videossr.dataset import FORMAT, Dataset, Header, refuse_existing, write_dataset
from videossr.journal import Journal
from videossr.render import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from videossr.build.checking import Checked
    from videossr.config import RunConfig
    from videossr.dataset import Recipe
    from videossr.engine import Engine
    from videossr.floors import Floors
    from videossr.video_table import VideoRow

    Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """What was built of one task.

    Attributes:
        questions, videos: how many, and about how many different videos.
        floor: the mean blind floor of the questions.
        levels: the blind floor by difficulty, at those where it was measured.
        left_out: why videos were passed over, counted.
    """

    questions: int
    videos: int
    floor: float
    levels: Mapping[float, float]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """What was built.

    Attributes:
        tasks: by name.
        videos: usable ones on the side of the split that was asked for.
        used: those of them that are asked about.
        asked: the least and the most questions about one of those that are asked about.
        twins: files passed over because another has the same content.
        off: questions that tasks which are switched off would have had.
        checked: whether every question was rendered.
        broken: videos that could not be decoded, with the reason.
    """

    tasks: Mapping[str, TaskSummary]
    videos: int
    used: int
    asked: tuple[int, int]
    twins: int
    off: Mapping[str, int]
    checked: bool
    broken: Mapping[str, str]

    @property
    def questions(self) -> int:
        """In all."""
        return sum(task.questions for task in self.tasks.values())


def build(
    config: RunConfig,
    videos: Iterable[VideoRow],
    root: Path,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Make the recipes of a dataset.

    With `build.check` each is rendered once, and its answer noted. The result depends on the
    configuration and the videos alone, not on the engine or the order of the rows.

    Args:
        config: what is to be built.
        videos: rows of a video table; quarantined ones are passed over.
        root: the folder that their paths start from.
        engine: where questions are rendered; by default one after the other, here.
        progress: called with questions done and questions in all.

    Raises:
        ConfigError: a task can make no question of such clips.
        DatasetError: no video is usable, or no video can carry some question.
        PluginError: a hook failed.
    """
    plan = Plan(config, videos, root)
    refuse_hopeless(plan)
    checked = _checked(plan, engine, progress, None)
    recipes = tuple(_recipes(plan, checked))
    return Dataset(recipes=recipes, header=_header(plan, checked, _floors(plan, checked)))


def build_to(
    folder: Path,
    config: RunConfig,
    videos: Iterable[VideoRow],
    root: Path,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    floors_progress: Progress | None = None,
) -> Summary:
    """As `build`, into a folder, which appears whole or not at all.

    What has been rendered is kept beside it, hidden, until the folder is there: after a kill the same
    build goes on where it stopped, and writes the same bytes. Recipes are written as they are made, so
    that a plan of any size takes as much memory as its table of videos.

    Args:
        folder: the dataset's, to be made.
        config, videos, root, engine, progress: as for `build`.
        floors_progress: called with tasks whose blind floors are measured, and tasks in all.

    Raises:
        ConfigError: as for `build`; or another build is writing this folder.
        DatasetError: as for `build`; or something is there already.
        PluginError: a hook failed.
    """
    refuse_existing(folder)
    plan = Plan(config, videos, root)
    refuse_hopeless(plan)
    with Journal(folder, _head(plan), "another build is writing this dataset") as journal:
        checked = _checked(plan, engine, progress, journal)
        header = _header(plan, checked, _floors(plan, checked, floors_progress))
        tally = _Tally(plan, header)
        recipes = tally.counting(_recipes(plan, checked))
        write_dataset(folder, recipes, header, lambda: card(folder.name, tally.summary(), header))
        journal.remove()
    return tally.summary()


def _checked(
    plan: Plan, engine: Engine | None, progress: Progress | None, journal: Journal | None
) -> Checked | None:
    if not plan.config.build.check:
        return None
    renderer = Renderer(plan.config, plan.root)
    return check(plan, renderer, engine=engine, journal=journal, progress=progress)


def _floors(plan: Plan, checked: Checked | None, progress: Progress | None = None) -> Floors:
    made = checked.made if checked else {}
    return plan_floors(plan, lambda slot: made[slot][0] if made else plan.video(slot), progress)


def _recipes(plan: Plan, checked: Checked | None) -> Iterator[Recipe]:
    return checked.recipes(plan) if checked else plan.recipes()


def _header(plan: Plan, checked: Checked | None, floors: Floors) -> Header:
    left_out = {
        name: counted(Counter(plan.left_out.get(name)) + found)
        for name in plan.sizes
        if (found := checked.left_out.get(name, Counter()) if checked else Counter())
        or name in plan.left_out
    }
    return Header(
        root=plan.root,
        config=plan.config.tree(),
        plugins=plan.config.provenance,
        floors=floors,
        left_out=left_out,
        broken=dict(sorted(checked.broken.items())) if checked else {},
    )


def _head(plan: Plan) -> list[object]:
    """What the outcome of a question depends on."""
    hasher = xxhash.xxh3_128()
    for row in plan.videos:
        hasher.update(repr(asdict(row)).encode())
    tree = plan.config.tree()
    parts = {name: tree[name] for name in ("seed", "video", "build", "tasks", "modifiers")}
    return ["videossr build", FORMAT, parts, plan.config.provenance, hasher.hexdigest()]


class _Tally:
    """Counts what is written."""

    def __init__(self, plan: Plan, header: Header) -> None:
        self._plan = plan
        self._header = header
        self._asked: Counter[str] = Counter()
        self._videos: dict[str, set[str]] = {name: set() for name in plan.sizes}

    def counting(self, recipes: Iterable[Recipe]) -> Iterator[Recipe]:
        """The recipes as they come."""
        for recipe in recipes:
            self._asked[recipe.video] += 1
            self._videos[recipe.task].add(recipe.video)
            yield recipe

    def summary(self) -> Summary:
        """When they have come."""
        plan, floors = self._plan, self._header.floors
        return Summary(
            tasks={
                name: TaskSummary(
                    questions=size,
                    videos=len(self._videos[name]),
                    floor=floors.mean(name, plan.difficulties(name)),
                    levels=floors.measured[name],
                    left_out=self._header.left_out.get(name, {}),
                )
                for name, size in plan.sizes.items()
            },
            videos=len(plan.videos),
            used=len(self._asked),
            asked=(min(self._asked.values()), max(self._asked.values())),
            twins=plan.twins,
            off=plan.off,
            checked=plan.config.build.check,
            broken=self._header.broken,
        )
