"""The blind floors of a dataset's tasks, at every level that they ask at."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice, product
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch

from videossr.build.planning import Slot
from videossr.errors import (
    ConfigError,
    DatasetError,
    Mistake,
    PluginError,
    Unsuitable,
    VideoError,
)
from videossr.floor_cache import cached
from videossr.floors import Floors, blind_floor
from videossr.levels import LEVELS
from videossr.seeds import derive_seed
from videossr.video.sampling import frames_on_screen, target_times
from videossr.video.sizing import fit_size
from videossr.windows import too_few

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor

    from videossr.build.planning import Plan
    from videossr.config import RunConfig, VideoConfig
    from videossr.dataset import Recipe
    from videossr.facades import Task
    from videossr.render import Renderer
    from videossr.video_table import VideoRow

#: Questions of which a task's timelines are looked at, and how many of these stand for all.
_SEEN: Final = 256
_STANDING: Final = 8

#: Questions that are made for each level, and the fewest for each of its timelines.
_DRAWS: Final = 1024
_FEWEST: Final = 256

#: Questions by which it is told whether a layout carries any.
_TRIED: Final = 16

#: Layouts that are measured on though a few questions did not tell that they carry any.
_ROOMY: Final = 4

#: Levels at which it is measured where there are more than so many.
_LEVELS: Final = 9


class Layout(NamedTuple):
    """What a prompt gives away of a clip: the times of its frames, float64 [T] s, height and width."""

    times: Tensor
    size: tuple[int, int]


def refuse_hopeless(plan: Plan) -> None:
    """Try each task on noise of the expected layouts, before any video is opened.

    Raises:
        ConfigError: a task refuses all of them, whatever the difficulty; every such task is listed.
    """
    mistakes = []
    for name in plan.sizes:
        task = plan.config.tasks[name].task
        expected = _expected(plan, name, plan.video)
        # Those that stand for all first; of as many frames another may be shorter, and carry a question.
        layouts = [layout for layout, _ in _standing(expected)] + expected
        levels = _levels(task, plan.difficulties(name))
        refusal = ""
        for layout, level in product(layouts, {levels[0], levels[-1]}):
            try:
                timeline = [(layout.times, level)]
                blind_floor(task, timeline, seed=plan.config.seed, draws=2, size=layout.size)
            except Unsuitable as error:
                refusal = str(error).partition(" timeline: ")[2]
            except PluginError:
                break  # which comes again with a video's name
            else:
                break
        else:
            problem = f"makes no question of a clip as these videos give: {refusal}"
            right = "change its settings, or those of video, such as video.num_frames"
            mistakes.append(Mistake(f"tasks.{name}", problem, right))
    if mistakes:
        raise ConfigError(mistakes)


def plan_floors(
    plan: Plan,
    video_of: Callable[[Slot], int],
    progress: Callable[[int, int], None] | None = None,
) -> Floors:
    """The blind floors of a plan's tasks, on timelines that stand for those of all its questions.

    Args:
        plan: of the dataset.
        video_of: the number of the video that a question is about.
        progress: called with tasks done and tasks in all, before the first one too.

    Raises:
        DatasetError: a task makes no question on any of them.
    """
    measured: dict[str, dict[float, float]] = {}
    for name in plan.sizes:
        if progress:
            progress(len(measured), len(plan.sizes))
        layouts = _expected(plan, name, video_of)
        task = plan.config.tasks[name].task
        levels = _levels(task, plan.difficulties(name))
        measured[name] = _measured(name, task, layouts, levels, plan.config)
    if progress:
        progress(len(measured), len(plan.sizes))
    return Floors(measured)


def floors_of(config: RunConfig, recipes: Sequence[Recipe], renderer: Renderer) -> Floors:
    """The blind floors of recipes under a run's own modifiers, on the timelines of some of them.

    Raises:
        DatasetError: a task makes no question on any of them, or no video can be decoded.
    """
    measured = {}
    for name, weighted in config.tasks.items():
        asked = [recipe for recipe in recipes if recipe.task == name]
        if not asked:
            continue
        layouts = list(islice(_layouts(asked, renderer), _STANDING))
        if not layouts:
            raise DatasetError(f"task {name!r}: none of its videos can be decoded, as it seems")
        levels = _levels(weighted.task, (recipe.difficulty for recipe in asked))
        measured[name] = _measured(name, weighted.task, layouts, levels, config)
    return Floors(measured)


def _expected(plan: Plan, name: str, video_of: Callable[[Slot], int]) -> list[Layout]:
    """The expected layouts of some of a task's questions, evenly among all.

    Raises:
        DatasetError: all have too few frames.
    """
    slots = [Slot(name, index) for index in _some(plan.sizes[name], _SEEN)]
    layouts = [
        expected_layout(
            plan.videos[video_of(slot)], plan.recipe(slot, video_of(slot)), plan.config.video
        )
        for slot in slots
    ]
    fewest = plan.config.video.min_frames
    long = [layout for layout in layouts if len(layout.times) >= fewest]
    if not long:
        raise DatasetError(f"task {name!r}: {too_few(fewest)} of every video looked at")
    return long


def _layouts(recipes: Sequence[Recipe], renderer: Renderer) -> Iterator[Layout]:
    """The layouts of some recipes, evenly among all; what turns out not to hold is passed over."""
    few, more = (_some(len(recipes), most) for most in (_STANDING, 8 * _STANDING))
    for index in dict.fromkeys([*few, *more]):
        try:
            clip = renderer.clip(recipes[index].excerpt)
        except (Unsuitable, VideoError):
            continue
        yield Layout(clip.times, (clip.height, clip.width))


def expected_layout(row: VideoRow, recipe: Recipe, config: VideoConfig) -> Layout:
    """What the clip of a recipe is going to be like, by what the table says of its video.

    As if the video's frames were evenly spaced, which they are in most.
    """
    frames = np.linspace(row.first, row.last, row.frames)
    wanted = target_times(recipe.start, recipe.stop, recipe.num_frames)
    shown = frames[frames_on_screen(frames, wanted)]
    size = fit_size(
        row.height,
        row.width,
        max_pixels=config.max_pixels,
        min_pixels=config.min_pixels,
        multiple=config.size_multiple,
    )
    return Layout(torch.from_numpy(shown[: len(shown) // 2 * 2]), size)


def _some(size: int, most: int) -> list[int]:
    """The numbers of some questions, evenly among all."""
    return [int(index) for index in np.linspace(0, size - 1, min(size, most))]


def _standing(layouts: Sequence[Layout]) -> list[tuple[Layout, float]]:
    """Layouts that stand for all, each with its share, one for each number of frames.

    What a guess earns follows from how many frames there are: where they are few, a segment takes up
    more of them. How far apart they are changes its seconds and not its share.
    """
    ordered = sorted(layouts, key=lambda layout: len(layout.times))
    middles = [(2 * i + 1) * len(ordered) // (2 * _STANDING) for i in range(_STANDING)]
    shares: dict[int, tuple[Layout, float]] = {}
    for layout in (ordered[middle] for middle in middles):
        first, share = shares.get(len(layout.times), (layout, 0.0))
        shares[len(layout.times)] = first, share + 1 / _STANDING
    return list(shares.values())


def _levels(task: Task, difficulties: Iterable[float]) -> list[float]:
    """The difficulties at which floors are measured: all of them, or some that lie evenly between."""
    if task.follows_rewards:
        return sorted(LEVELS.values())  # any may come
    different = sorted(set(difficulties))
    if len(different) <= _LEVELS:
        return different
    return [round(float(level), 6) for level in np.linspace(different[0], different[-1], _LEVELS)]


def _measured(
    name: str, task: Task, layouts: Sequence[Layout], levels: Sequence[float], config: RunConfig
) -> dict[float, float]:
    """The blind floor of a task at each of some levels."""
    standing = _standing(layouts)
    draws = max(_FEWEST, _DRAWS // len(standing))
    return {
        level: _weighted(name, task, standing, layouts, level, draws, config) for level in levels
    }


def _weighted(
    name: str,
    task: Task,
    standing: Sequence[tuple[Layout, float]],
    layouts: Sequence[Layout],
    level: float,
    draws: int,
    config: RunConfig,
) -> float:
    """The blind floor on the layouts that stand for all; where they carry no question, on one that does."""
    refusal = None
    for choice in _choices(task, standing, layouts, level, config):
        earned, asked = 0.0, 0.0
        for layout, share in choice:
            try:
                floor = _floor(name, task, layout, level, draws, config)
            except Unsuitable as error:  # a build passes such clips over, too
                refusal = error
                continue
            earned, asked = earned + share * floor, asked + share
        if asked:
            return earned / asked
    problem = f"the blind floor at difficulty {level:g} cannot be measured: {refusal}"
    raise DatasetError(f"task {name!r}: {problem}") from refusal


def _choices(
    task: Task,
    standing: Sequence[tuple[Layout, float]],
    layouts: Sequence[Layout],
    level: float,
    config: RunConfig,
) -> Iterator[Sequence[tuple[Layout, float]]]:
    """Layouts to measure a floor on, each with its share, until some carry questions."""
    yield standing
    # There are hundreds: a few questions tell whether one is worth a thousand.
    for number, layout in enumerate(layouts, 1):
        if _carries(task, layout, level, derive_seed(config.seed, number)):
            yield [(layout, 1.0)]
    # Where few draws give a question, those with most room for one have as many as any.
    for layout in sorted(layouts, key=lambda layout: -len(layout.times))[:_ROOMY]:
        yield [(layout, 1.0)]


def _carries(task: Task, layout: Layout, level: float, seed: int) -> bool:
    """Whether a layout carries questions, by a few of them."""
    timeline = [(layout.times, level)]
    with suppress(Unsuitable):
        blind_floor(task, timeline, seed=seed, draws=_TRIED)
        return True
    with suppress(Unsuitable):
        blind_floor(task, timeline, seed=seed, draws=_TRIED, size=layout.size)
        return True
    return False


def _floor(
    name: str, task: Task, layout: Layout, level: float, draws: int, config: RunConfig
) -> float:
    """The blind floor of a task on one timeline."""
    timelines = [(layout.times, level)]
    # Questions of its own for each layout: with the same ones an error would be that of all of them.
    seed = derive_seed(config.seed, "floor of a layout", len(layout.times))

    def measure() -> float:
        try:
            return blind_floor(task, timelines, seed=seed, draws=draws)
        except Unsuitable:
            # Small stand-in frames are quick, but too small for some settings.
            return blind_floor(task, timelines, seed=seed, draws=draws, size=layout.size)

    return cached(config, name, timelines, layout.size, draws, measure)
