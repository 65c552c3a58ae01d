"""Plugins as the rest of the code sees them: typed, checked, and bound to their configuration.

pluggy broadcasts a call to every plugin; our hooks are one-to-one. The registry gives each façade
callers that reach its plugin alone, and a façade turns whatever goes wrong in there into an error
that names the culprit.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videossr.errors import PluginError, Unparsable, Unsuitable

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import BaseModel
    from torch import Tensor

    from videossr.clip import Clip
    from videossr.registry import Origin
    from videossr.sample import Sample


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
    """A plugin, its configuration, and the callers that reach its hooks alone."""

    origin: Origin
    config: BaseModel
    call: Mapping[str, Callable[..., Any]]

    @property
    def name(self) -> str:
        """The plugin's name, which is its entry point's."""
        return self.origin.name

    @property
    def version(self) -> str:
        """The plugin's own version, part of every seed."""
        return self.origin.plugin_version

    @contextmanager
    def _blaming(self, hook: str, context: str, *outcomes: type[Exception]) -> Iterator[None]:
        """Turn what a hook raises into a `PluginError`, all but the outcomes it may report."""
        try:
            yield
        except outcomes:
            raise
        except PluginError:
            raise  # a hook inside this hook, already named
        except Exception as error:
            problem = f"raised {type(error).__name__}: {error}"
            raise self._fault(hook, problem, context) from error

    def _fault(self, hook: str, problem: str, context: str = "") -> PluginError:
        return PluginError(
            plugin=self.name,
            distribution=self.origin.distribution,
            version=self.origin.version,
            hook=hook,
            problem=problem,
            context=context,
        )


@dataclass(frozen=True, slots=True)
class Task(Bound):
    """A pretext task with its configuration."""

    difficulty: float = 0.5

    def make_sample(
        self, clip: Clip, *, difficulty: float, rng: random.Random, context: str = ""
    ) -> Sample:
        """Make the question that the hook `make_sample` describes.

        Raises:
            Unsuitable: the clip cannot carry such a question.
            PluginError: the hook raised, returned something else, or wrote to the clip.
        """
        from videossr.sample import Sample  # noqa: PLC0415 - needs torch; listing plugins doesn't

        before = _writes(clip)
        with self._blaming("make_sample", context, Unsuitable):
            sample = self.call["make_sample"](
                clip=clip, config=self.config, difficulty=difficulty, rng=rng
            )
        if not isinstance(sample, Sample):
            raise self._fault("make_sample", f"returned {sample!r}; must return a Sample", context)
        if _writes(clip) != before:
            raise self._fault("make_sample", "wrote to the clip; must work on a copy", context)
        return sample

    def schedule(self, progress: float) -> float:
        """The difficulty of the next question: the hook's, or the configured constant."""
        with self._blaming("difficulty_schedule", f"progress {progress:g}"):
            value = self.call["difficulty_schedule"](config=self.config, progress=progress)
        if value is None:
            return self.difficulty
        return self._in_unit_interval("difficulty_schedule", value, f"progress {progress:g}")

    def score(self, completion: str, answer: str, target: Mapping[str, Any]) -> Score:
        """Grade a completion as the hook `reward` describes.

        Raises:
            PluginError: the hook raised anything but `Unparsable`, or returned no number in [0, 1].
        """
        context = f"completion {completion[:80]!r}, answer {answer!r}"
        try:
            with self._blaming("reward", context, Unparsable):
                value = self.call["reward"](
                    completion=completion, answer=answer, target=target, config=self.config
                )
        except Unparsable as error:
            return Score(0.0, parsed=False, reason=str(error))
        return Score(self._in_unit_interval("reward", value, context))

    def _in_unit_interval(self, hook: str, value: object, context: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._fault(hook, f"returned {value!r}; must return a number in [0, 1]", context)
        return float(value)


@dataclass(frozen=True, slots=True)
class Perturbation(Bound):
    """A perturbation with its configuration."""

    phrase: str = ""

    def apply(self, clip: Clip, *, rng: random.Random) -> Tensor:
        """The altered frames of a segment, uint8 of the segment's own shape.

        Raises:
            PluginError: the hook raised, or returned another shape or dtype.
        """
        context = f"segment of {len(clip)} frames from {clip.times[0]:.3f} s"
        before = _writes(clip)
        with self._blaming("perturb", context):
            frames = self.call["perturb"](clip=clip, config=self.config, rng=rng)
        if _writes(clip) != before:
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


def _writes(clip: Clip) -> tuple[int, int]:
    """How often frames and times were written to in place, which torch counts."""
    return clip.frames._version, clip.times._version  # noqa: SLF001
