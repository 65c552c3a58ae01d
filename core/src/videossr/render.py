"""From a recipe to a sample: decode, ask the task, compare with what the recipe promises."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videossr.clip import Clip
from videossr.clips import CACHE_BYTES, Clips, Excerpt
from videossr.config import RunConfig, VideoConfig, resolve
from videossr.config.resolve import registry_for
from videossr.config.schema import StoreConfig
from videossr.errors import DatasetError, Unsuitable
from videossr.footage import Footage
from videossr.origin import SECTIONS
from videossr.seeds import question_seed, rng_for
from videossr.windows import too_few

if TYPE_CHECKING:
    from videossr.dataset import Dataset, Recipe
    from videossr.facades import Task
    from videossr.registry import Registry
    from videossr.sample import Sample


@dataclass(frozen=True, slots=True)
class _Video:
    """A video of the dataset as a source of frames, read when asked."""

    clips: Clips
    video: str
    video_hash: str

    @property
    def first(self) -> float:
        return float(self.clips.timeline(self.video, self.video_hash).times[0])

    @property
    def last(self) -> float:
        return float(self.clips.timeline(self.video, self.video_hash).times[-1])

    def take(self, start: float, stop: float, frames: int) -> Clip:
        return self.clips.get(Excerpt(self.video, self.video_hash, start, stop, frames))


class Renderer:
    """Renders recipes. Threads may share one.

    Args:
        config: the configuration that the recipes were built with, plugins bound.
        root: folder of the videos. Only ever read.
        cache_bytes: decoded pixels kept in memory.
    """

    def __init__(self, config: RunConfig, root: Path, *, cache_bytes: int = CACHE_BYTES) -> None:
        self.config = config
        self.root = root
        self._cache_bytes = cache_bytes
        self._clips = Clips(config.video, root, config.store, cache_bytes=cache_bytes)

    @classmethod
    def for_dataset(
        cls,
        dataset: Dataset,
        *,
        run: RunConfig | None = None,
        registry: Registry | None = None,
        store: Path | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> Renderer:
        """The renderer of a dataset.

        Args:
            dataset: with its own configuration.
            run: whose tasks, with the modifiers around them, make the samples, and whose store
                keeps clips; by default the dataset's own tasks, and no store. The settings of these
                tasks have to be the same.
            registry: the plugins to choose from; by default as the dataset's configuration says.
            store: a folder that keeps decoded clips, without a `run`; it takes as much as is usual.
            cache_bytes: decoded pixels kept in memory.

        Raises:
            ConfigError: a plugin that the dataset needs is missing or refuses its settings.
            DatasetError: a plugin makes other samples than when the dataset was built.
        """
        if run:
            video = VideoConfig.model_validate(dataset.config["video"])
            config = replace(run, seed=dataset.config["seed"], video=video)
        else:
            # What trainers read of it is no concern of rendering, and they may not be installed; and
            # where clips are kept is the business of who renders.
            core = SECTIONS - {"store"}
            tree = {name: part for name, part in dataset.config.items() if name in core}
            config = resolve(tree, registry)
            if store:
                config = replace(config, store=StoreConfig(folder=str(store.absolute())))
            strangers = sorted({*dataset.tasks} - {*config.tasks})
            if strangers:
                raise DatasetError(
                    f"damaged dataset: it has questions of {', '.join(strangers)}, "
                    f"and its configuration has the tasks {', '.join(config.tasks)}"
                )
        _refuse_other_plugins(dataset, config)
        _refuse_other_settings(dataset, config)
        return cls(config, dataset.root, cache_bytes=cache_bytes)

    def __reduce__(self) -> tuple[Any, ...]:
        """Where it is unpickled it is made anew of its settings: plugins are found there, clips decoded."""
        tree = {name: part for name, part in self.config.tree().items() if name in SECTIONS}
        return _again, (tree, self.root.absolute(), self._cache_bytes)

    def task(self, recipe: Recipe) -> Task:
        """The task that a recipe belongs to."""
        return self.config.tasks[recipe.task].task

    def clip(self, excerpt: Excerpt) -> Clip:
        """The frames of an excerpt, an even number of them, before any alteration.

        Raises:
            VideoError: the video cannot be decoded, or is another than was scanned.
            Unsuitable: the video has too few frames there.
        """
        clip = self._clips.get(excerpt)
        even = len(clip) // 2 * 2
        fewest = self.config.video.min_frames
        if even < fewest:
            raise Unsuitable(too_few(fewest))
        return clip if even == len(clip) else Clip(clip.frames[:even], clip.times[:even])

    def footage(self, video: str, video_hash: str, donor: str, donor_hash: str) -> Footage:
        """The footage of a question. Nothing is decoded until frames are asked for.

        Args:
            video, video_hash: what the question is about, as in `Excerpt`.
            donor, donor_hash: the other video; empty where there is none.
        """
        other = _Video(self._clips, donor, donor_hash) if donor else None
        return Footage(_Video(self._clips, video, video_hash), other)

    def make(self, recipe: Recipe) -> Sample:
        """The sample that a recipe makes now.

        Raises:
            VideoError, Unsuitable, PluginError: as decoding and the task say.
        """
        clip = self.clip(recipe.excerpt)
        return self.task(recipe).make_sample(
            clip,
            difficulty=recipe.difficulty,
            rng=rng_for(recipe.seed),
            context=recipe.context,
            footage=self.footage(recipe.video, recipe.video_hash, recipe.donor, recipe.donor_hash),
        )

    def at_difficulty(self, recipe: Recipe, difficulty: float) -> tuple[Sample, Recipe]:
        """A recipe's question at another difficulty: the one that a build at that difficulty makes.

        Where the clip cannot carry one, it is the recipe's own.

        Raises:
            Unsuitable: the recipe was only planned, and makes no question at either.
            DatasetError, VideoError, PluginError: as for `render`.
        """
        if difficulty == recipe.difficulty:
            return self._own(recipe), recipe
        seed = question_seed(
            self.config.seed,
            recipe.task,
            recipe.plugin_version,
            recipe.video_hash,
            recipe.index,
            difficulty,
        )
        moved = replace(recipe, difficulty=difficulty, seed=seed)
        try:
            sample = self.make(moved)
        except Unsuitable:
            return self._own(recipe), recipe
        return sample, replace(
            moved, question=sample.question, answer=sample.answer, digest=sample.digest()
        )

    def _own(self, recipe: Recipe) -> Sample:
        return self.render(recipe) if recipe.checked else self.make(recipe)

    def render(self, recipe: Recipe, *, exact: bool = False) -> Sample:
        """The sample that a recipe promises.

        Args:
            exact: compare every pixel with what the build saw. Another decoder build may differ in the
                last bit; question and answer are compared in any case. A recipe that the build has only
                planned has nothing to compare.

        Raises:
            DatasetError: it comes out otherwise than when it was built.
            VideoError, PluginError: as decoding and the task say.
        """
        try:
            sample = self.make(recipe)
        except Unsuitable as error:
            why = (
                "no longer makes a question"
                if recipe.checked
                else "was planned, and makes no question"
            )
            right = (
                "the video or a plugin has changed since the build"
                if recipe.checked
                else "a build with build.check=true takes another video for it"
            )
            raise DatasetError(f"{recipe.name}: {why}: {error}; {right}") from error
        if not recipe.checked:
            return sample
        if (sample.question, sample.answer) != (recipe.question, recipe.answer):
            raise DatasetError(
                f"{recipe.name}: renders to the answer {sample.answer!r}, the dataset has "
                f"{recipe.answer!r}; the video or a plugin has changed since the build"
            )
        if exact and sample.digest() != recipe.digest:
            raise DatasetError(
                f"{recipe.name}: same question and answer, other pixels; "
                "the video, the decoder or a plugin has changed since the build"
            )
        return sample


def _refuse_other_plugins(dataset: Dataset, config: RunConfig) -> None:
    """Compare the plugins that the dataset was built with and those that are to render it.

    Raises:
        DatasetError: one makes other samples by now.
    """
    for name, origin in config.plugins.items():
        built = dataset.plugins.get(name)
        if not built:
            continue
        if built["plugin_version"] != origin.plugin_version:
            raise DatasetError(
                f"plugin {name!r}: the dataset was built with its version "
                f"{built['plugin_version']!r}, of {built['distribution']} {built['version']}; here is "
                f"version {origin.plugin_version!r}, of {origin.bringer}; use the one that the dataset "
                "was built with, or build the dataset again"
            )
        if origin.loose and built["version"] != origin.version:
            warnings.warn(
                f"plugin {name!r}: {origin.distribution} has changed since the dataset was built, and "
                f"is still version {origin.plugin_version!r}; if it makes other samples or rewards, "
                "raise its version and build the dataset again",
                stacklevel=3,
            )


def _refuse_other_settings(dataset: Dataset, config: RunConfig) -> None:
    """Compare the settings that recipes were made with and those that are to render them.

    Raises:
        DatasetError: they are not the same.
    """
    made = {(recipe.task, recipe.settings) for recipe in dataset.recipes}
    for task, settings in sorted(made):
        if task in config.tasks and config.settings_hash(task) != settings:
            raise DatasetError(
                f"task {task!r}: its questions were made with other settings than those here; use the "
                "configuration that the dataset was built with, or build the dataset again"
            )


def _again(tree: dict[str, Any], root: Path, cache_bytes: int) -> Renderer:
    folders = [Path(folder) for folder in tree["plugins"]["folders"]]  # they were let in already
    return Renderer(resolve(tree, registry_for(tree, named=folders)), root, cache_bytes=cache_bytes)
