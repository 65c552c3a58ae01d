"""Plugins as the rest of the code sees them: typed, checked, and bound to their configuration.

What a hook returns is checked here against its specification, and what goes wrong in it comes out as
an error that names the culprit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from videossr.calls import blame
from videossr.change import VISIBLE, mean_change
from videossr.completion import said
from videossr.errors import PluginError, Unparsable, Unsuitable, VideoError
from videossr.footage import Footage, around, footage_around
from videossr.perturbations import Perturbations
from videossr.prepared import Preparation, writes

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from torch import Tensor

    from videossr.calls import Hooks
    from videossr.clip import Clip
    from videossr.origin import Origin
    from videossr.sample import Sample
    from videossr.schedules import Schedule, Seen


@dataclass(frozen=True, slots=True)
class Score:
    """What an answer is worth.

    Attributes:
        value: in [0, 1]; 0 where the answer could not be read.
        parsed: whether the completion had the form of an answer.
        reason: why not, where it had not.
    """

    value: float
    parsed: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """A plugin, its configuration, and the hooks that reach it alone."""

    origin: Origin
    config: BaseModel
    hooks: Hooks

    @property
    def name(self) -> str:
        """The plugin's name, which is its entry point's."""
        return self.origin.name

    @property
    def version(self) -> str:
        """The plugin's own version, part of every seed."""
        return self.origin.plugin_version

    def _fault(self, hook: str, problem: str, context: str = "") -> PluginError:
        return blame(self.origin, hook, problem, context)


@dataclass(frozen=True, slots=True)
class Task(Bound):
    """A pretext task with its configuration."""

    difficulty: Schedule

    @property
    def follows_rewards(self) -> bool:
        """Whether the difficulty of its questions depends on what training has seen."""
        # A hook of its own may leave it to the configuration, by None.
        asks = self.hooks.takes("difficulty_schedule", "seen")
        return asks or self.difficulty.kind == "adaptive"

    @property
    def takes_footage(self) -> bool:
        """Whether it, or a perturbation that it draws from, may look at more video than its clip."""
        if self.hooks.takes("make_sample", "footage"):
            return True
        drawn = (field for _, field in self.config if isinstance(field, Perturbations))
        return any(one.hooks.takes("perturb", "footage") for some in drawn for one in some)

    def make_sample(
        self,
        clip: Clip,
        *,
        difficulty: float,
        rng: random.Random,
        context: str = "",
        footage: Footage | None = None,
    ) -> Sample:
        """Make the question that the hook `make_sample` describes.

        Args:
            clip: what the question is about.
            difficulty: from 0 to 1.
            rng: seeded from the recipe.
            context: which sample that is, for an error to name.
            footage: where perturbations find other frames; by default the clip's own alone.

        Raises:
            Unsuitable: the clip cannot carry such a question.
            VideoError: a video of the footage cannot be decoded.
            PluginError: the hook raised, returned something else, or wrote to the clip.
        """
        from videossr.sample import Sample  # noqa: PLC0415 - needs torch; listing plugins doesn't

        footage = footage or Footage.of(clip)
        if self.hooks.around("prepare_clip"):
            prepared = Preparation.of(self.hooks, difficulty, rng, context)
            clip, footage = prepared.clip(clip), prepared.footage(footage)
        before = writes(clip)
        with around(footage):
            sample = self.hooks.call(
                "make_sample",
                context,
                Unsuitable,
                VideoError,
                clip=clip,
                config=self.config,
                difficulty=difficulty,
                rng=rng,
                footage=footage,
            )
        if not isinstance(sample, Sample):
            raise self._fault("make_sample", f"returned {sample!r}; must return a Sample", context)
        if writes(clip) != before:
            raise self._fault("make_sample", "wrote to the clip; must work on a copy", context)
        return sample

    def schedule(self, progress: float, seen: Seen | None = None) -> float:
        """The difficulty of the next question: the hook's, or, where it gives None, the configuration's.

        Raises:
            PluginError: the hook raised, or returned no number in [0, 1].
        """
        context = f"progress {progress:g}"
        value = self.hooks.call(
            "difficulty_schedule", context, config=self.config, progress=progress, seen=seen
        )
        if value is None:
            return self.difficulty.difficulty(progress, seen)
        return self._in_unit_interval("difficulty_schedule", value, context)

    def score(
        self, completion: str, answer: str, target: Mapping[str, Any], context: str = ""
    ) -> Score:
        """Grade a completion as the hook `reward` describes.

        The hook sees what the completion says: thoughts and `<answer>` tags are taken off before, in
        training and in measuring alike (`videossr.completion.said`).

        Args:
            completion: what the model wrote.
            answer, target: the sample's own.
            context: which sample that is, for an error to name.

        Raises:
            PluginError: the hook raised anything but `Unparsable`, or returned no number in [0, 1].
        """
        shown = f"completion {completion[:80]!r}, answer {answer!r}"
        context = ", ".join(filter(None, (context, shown)))
        try:
            value = self.hooks.call(
                "reward",
                context,
                Unparsable,
                completion=said(completion),
                answer=answer,
                target=target,
                config=self.config,
            )
        except Unparsable as error:
            return Score(0.0, parsed=False, reason=str(error))
        return Score(self._in_unit_interval("reward", value, context))

    def guesses(self, samples: Sequence[Sample]) -> list[str]:
        """Answers that may earn well without a look, by the plugin's own `guesses`; none if it has none.

        Args:
            samples: some of those that the guesses are made for.

        Raises:
            PluginError: `guesses` raised, or returned something else than texts.
        """
        guesses = getattr(self.hooks.plugin, "guesses", None)
        if guesses is None:
            return []
        try:
            made = list(guesses(samples))
        except Exception as error:
            raise self._fault("guesses", f"raised {type(error).__name__}: {error}") from error
        if not all(isinstance(guess, str) for guess in made):
            raise self._fault("guesses", f"returned {made!r}; must return texts")
        return made

    def _in_unit_interval(self, hook: str, value: object, context: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._fault(hook, f"returned {value!r}; must return a number in [0, 1]", context)
        return float(value)


@dataclass(frozen=True, slots=True)
class Perturbation(Bound):
    """A perturbation with its configuration.

    Attributes:
        phrase: completes "part of this video is ...".
        involution: whether applying it twice, each time by the same chance, gives every segment back
            to the bit.
    """

    phrase: str = ""
    involution: bool = False

    def apply(
        self,
        clip: Clip,
        *,
        rng: random.Random,
        context: str = "",
        footage: Footage | None = None,
    ) -> Tensor:
        """The altered frames of a segment, uint8 of the segment's own shape.

        Args:
            clip: the segment, its times those of the video that it is from.
            rng: seeded from the recipe.
            context: what for, for an error to name.
            footage: where to find other frames; by default that of the sample which is being made,
                and outside of any the segment's own frames alone.

        Raises:
            Unsuitable: this segment cannot be altered so.
            VideoError: a video of the footage cannot be decoded.
            PluginError: the hook raised, or returned another shape or dtype.
        """
        segment = f"segment of {len(clip)} frames from {clip.times[0]:.3f} s"
        context = ", ".join(filter(None, (context, segment)))
        before = writes(clip)
        frames = self.hooks.call(
            "perturb",
            context,
            Unsuitable,
            VideoError,
            clip=clip,
            config=self.config,
            rng=rng,
            footage=footage or footage_around() or Footage.of(clip),
        )
        if writes(clip) != before:
            raise self._fault("perturb", "wrote to the clip; must work on a copy", context)
        expected = f"a tensor torch.uint8 {list(clip.frames.shape)}"
        found = (
            f"{frames.dtype} {list(frames.shape)}"
            if hasattr(frames, "dtype") and hasattr(frames, "shape")
            else repr(frames)
        )
        if found != expected.removeprefix("a tensor "):
            raise self._fault("perturb", f"returned {found}; must return {expected}", context)
        return frames  # type: ignore[no-any-return] # just checked

    def visible(self, before: Clip, after: Tensor, *, context: str = "") -> bool:
        """Whether a viewer can see that a segment was altered.

        By the hook `visible` where the perturbation has one, and else by 10 grey levels of 255, on
        average over the pixels.

        Args:
            before: the segment as it was.
            after: what `apply` made of it, uint8 of the same shape.
            context: what for, for an error to name.

        Raises:
            PluginError: the hook raised, or returned something else.
        """
        seen = None
        if self.hooks.implements("visible"):
            seen = self.hooks.call(
                "visible", context, before=before, after=after, config=self.config
            )
        if seen is None:
            return mean_change(before.frames, after) >= VISIBLE
        if not isinstance(seen, bool):
            raise self._fault("visible", f"returned {seen!r}; must return True or False", context)
        return seen


@dataclass(frozen=True, slots=True)
class Modifier:
    """A modifier with its configuration, and the wrappers that it made for this run.

    Attributes:
        tasks: names of those that it lies around; None for all.
    """

    origin: Origin
    config: BaseModel
    wrappers: object
    tasks: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The plugin's name, which is its entry point's."""
        return self.origin.name

    def wraps(self, hook: str) -> bool:
        """Whether it lies around a hook."""
        return hasattr(self.wrappers, hook)

    def concerns(self, task: str) -> bool:
        """Whether it lies around a task, by the name that the task has in the configuration."""
        return self.tasks is None or task in self.tasks

    def measurements(self) -> dict[str, float]:
        """The figures that it has gathered in this process so far, by name; none if it gathers none.

        Raises:
            PluginError: it raised, or gave something else.
        """
        measure = getattr(self.wrappers, "measurements", None)
        if measure is None:
            return {}
        try:
            figures = measure()
        except Exception as error:
            problem = f"raised {type(error).__name__}: {error}"
            raise blame(self.origin, "measurements", problem) from error
        if not isinstance(figures, dict) or not all(map(_is_figure, figures.values())):
            problem = f"returned {figures!r}; must return a dict of finite numbers"
            raise blame(self.origin, "measurements", problem)
        return {str(name): float(figure) for name, figure in figures.items()}


def _is_figure(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False
