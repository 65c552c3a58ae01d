"""Building a dataset: which question of which task about which video, and what it turns out to be."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from videossr.clips import Excerpt
from videossr.dataset import Dataset, Recipe, counted
from videossr.errors import DatasetError, Unsuitable, VideoError
from videossr.floors import blind_floor
from videossr.render import Renderer
from videossr.seeds import derive_seed, question_seed, rng_for
from videossr.threads import one_torch_thread
from videossr.windows import window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from videossr.config import RunConfig
    from videossr.facades import Task
    from videossr.video_table import VideoRow

#: Timelines on which a task's blind floor is measured.
_FLOOR_TIMELINES: Final = 4


@dataclass(frozen=True, slots=True)
class _Slot:
    """One question to be made: the `index`-th of a task, about the first of `videos` that can carry it."""

    task: Task
    index: int
    difficulty: float
    videos: Sequence[VideoRow]


@dataclass(slots=True)
class _Outcome:
    recipe: Recipe | None = None
    unsuitable: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)


def build(
    config: RunConfig,
    videos: Iterable[VideoRow],
    root: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Make the recipes of a dataset, rendering each once to see that it holds.

    The result depends on the configuration and the videos alone, not on the number of workers. What
    one task asks does not depend on which other tasks there are.

    Args:
        videos: rows of a video table; quarantined ones are passed over.
        root: the folder that their paths start from.
        workers: threads; decoding runs outside of Python's lock.
        progress: called with questions done and questions in all.

    Raises:
        DatasetError: no video is usable, or no video can carry some question.
        PluginError: a hook failed.
    """
    usable = sorted((row for row in videos if row.state == "ok"), key=lambda row: row.path)
    if not usable:
        raise DatasetError(
            f"{root}: no usable video; `videossr scan` says why each was quarantined"
        )
    renderer = Renderer(config, root)
    slots = [
        slot for name, size in shares(config).items() for slot in _slots(config, name, size, usable)
    ]
    # Questions about one video follow each other, so that its clips are still in memory.
    by_video = sorted(range(len(slots)), key=lambda i: (slots[i].videos[0].path, i))
    outcomes: list[_Outcome] = [_Outcome()] * len(slots)
    with one_torch_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            made = pool.map(lambda i: _fill(slots[i], config, renderer), by_video)
            for done, (i, outcome) in enumerate(zip(by_video, made, strict=True), start=1):
                _refuse_gap(slots[i], outcome)
                outcomes[i] = outcome
                if progress:
                    progress(done, len(slots))
        finally:
            # After Ctrl-C or a failure, the questions not yet begun are let go.
            pool.shutdown(cancel_futures=True)
    recipes = tuple(outcome.recipe for outcome in outcomes if outcome.recipe)
    reasons: dict[str, list[str]] = defaultdict(list)
    broken: dict[str, str] = {}
    for slot, outcome in zip(slots, outcomes, strict=True):
        reasons[slot.task.name] += outcome.unsuitable
        broken |= outcome.broken
    return Dataset(
        recipes=recipes,
        root=root,
        config=config.tree(),
        plugins=config.provenance,
        floors=blind_floors(config, recipes, renderer),
        left_out={name: counted(found) for name, found in reasons.items() if found},
        broken=dict(sorted(broken.items())),
    )


def shares(config: RunConfig) -> dict[str, int]:
    """The number of questions of each task: by weight, whole, and `build.size` in all."""
    weights = {name: Fraction(weighted.weight) for name, weighted in config.tasks.items()}
    total = sum(weights.values())
    exact = {name: config.build.size * weight / total for name, weight in weights.items()}
    sizes = {name: int(share) for name, share in exact.items()}
    short = config.build.size - sum(sizes.values())
    for name in sorted(exact, key=lambda name: (sizes[name] - exact[name], name))[:short]:
        sizes[name] += 1
    return sizes


def _slots(config: RunConfig, name: str, size: int, videos: Sequence[VideoRow]) -> Iterator[_Slot]:
    task = config.tasks[name].task
    order = list(videos)
    # A task's own order, so that one task's questions don't depend on another's.
    keys = {row.path: derive_seed(config.seed, "order", name, row.hash, row.path) for row in order}
    order.sort(key=lambda row: keys[row.path])
    for index in range(size):
        turn = index % len(order)
        yield _Slot(task, index, task.schedule(index / size), order[turn:] + order[:turn])


def _fill(slot: _Slot, config: RunConfig, renderer: Renderer) -> _Outcome:
    outcome = _Outcome()
    task = slot.task
    for video in slot.videos:
        seed = question_seed(
            config.seed, task.name, task.version, video.hash, slot.index, slot.difficulty
        )
        try:
            window = window_of(video, config.video, config.seed, task.name, slot.index)
            excerpt = Excerpt(video.path, video.hash, *window)
            clip = renderer.clip(excerpt)
            sample = task.make_sample(
                clip,
                difficulty=slot.difficulty,
                rng=rng_for(seed),
                context=f"video {video.path}, seed {seed}",
            )
        except Unsuitable as error:
            outcome.unsuitable.append(str(error))
            continue
        except VideoError as error:
            outcome.broken[video.path] = error.detail
            continue
        outcome.recipe = Recipe(
            task=task.name,
            index=slot.index,
            video=video.path,
            video_hash=video.hash,
            start=excerpt.start,
            stop=excerpt.stop,
            num_frames=excerpt.num_frames,
            clip=excerpt.key(config.video),
            difficulty=slot.difficulty,
            seed=seed,
            plugin_version=task.version,
            question=sample.question,
            answer=sample.answer,
            digest=sample.digest(),
        )
        return outcome
    return outcome


def _refuse_gap(slot: _Slot, outcome: _Outcome) -> None:
    if outcome.recipe is None:
        reasons = counted([*outcome.unsuitable, *outcome.broken.values()])
        listed = "; ".join(f"{count} x {reason}" for reason, count in reasons.items())
        raise DatasetError(
            f"task {slot.task.name!r}: none of the {len(slot.videos)} videos can carry question "
            f"{slot.index}: {listed}"
        )


def blind_floors(
    config: RunConfig, recipes: Sequence[Recipe], renderer: Renderer
) -> dict[str, float]:
    """The blind floor of each task on the timelines of some of its questions.

    Raises:
        DatasetError: a task makes no question on any of them.
    """
    return {name: _floor(name, recipes, config, renderer) for name in config.tasks}


def _floor(name: str, recipes: Sequence[Recipe], config: RunConfig, renderer: Renderer) -> float:
    """The floor on some of the dataset's own timelines, spread over the task's questions."""
    asked = [recipe for recipe in recipes if recipe.task == name]
    if not asked:
        return 0.0
    stride = max(1, len(asked) // _FLOOR_TIMELINES)
    timelines = []
    for recipe in asked[::stride][:_FLOOR_TIMELINES]:
        clip = renderer.clip(recipe.excerpt)
        timelines.append((clip.times, recipe.difficulty))
    task = config.tasks[name].task
    try:
        return blind_floor(task, timelines, seed=config.seed)
    except Unsuitable:
        # Small stand-in frames are quick, but too small for some settings.
        try:
            size = (clip.height, clip.width)
            return blind_floor(task, timelines, seed=config.seed, size=size)
        except Unsuitable as error:
            raise DatasetError(
                f"task {name!r}: the blind floor cannot be measured: {error}"
            ) from error
