"""What a preflight looks at: the configuration, some questions, the model; later the trainer too."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from accelerate import PartialState

from videossr import Unsuitable, VideoError
from videossr.calls import untraced
from videossr.config import resolve
from videossr.finding import NotPossible
from videossr.render import Renderer
from videossr_trainers.engine.encoding import PromptEncoder
from videossr_trainers.processes import on_main
from videossr_trainers.questions.data import OTHER_FILE, Questions
from videossr_trainers.questions.order import Key
from videossr_trainers.questions.selection import chosen_recipes
from videossr_trainers.sections import WarmStartSection

if TYPE_CHECKING:
    from pathlib import Path

    from videossr import Clip, Sample
    from videossr.config import RunConfig
    from videossr.dataset import Dataset, Recipe
    from videossr_trainers.engine.encoding import EncodedPrompt
    from videossr_trainers.engine.grpo import VideoGRPOTrainer

#: Questions of each task that are looked at, if there is time.
_OF_EACH_TASK: Final = 4

#: Seconds after which no further question is rendered, one of each task excepted.
_RENDERING_S: Final = 12.0

#: Recipes of a task that are tried for each question, where some were only planned and do not hold.
_TRIED: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question that is looked at, and the clip that its task got.

    Attributes:
        number: the recipe's, among those of the run.
    """

    number: int
    recipe: Recipe
    sample: Sample
    clip: Clip


class Subject:
    """What is looked at. Tasks, modifiers and caches are its own, so that the run's stay untouched.

    Attributes:
        folder: the run's, which need not exist yet.
        model, processor: once they are loaded.
        trainer: once it is made.
        warm_steps: of the warm start that is part of the run; 0 without one.
        warms_up: whether a warm start lies between the model as it is now and the first step.
        seconds_of_rendering: of the questions looked at, each.
        seconds_of_rollouts, seconds_of_loss: of a question, once they are measured.

    Args:
        config: of the run.
        dataset: of the run.
        folder: the run's.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, folder: Path) -> None:
        # Modifiers count and remember what goes through them: these are not the run's.
        self.config: Final = resolve(config.tree(), config.registry)
        self.recipes: Final = chosen_recipes(config, dataset)
        self.renderer: Final = Renderer.for_dataset(dataset, run=self.config)
        self.dataset: Final = dataset
        self.folder: Final = folder
        self.model: Any = None
        self.processor: Any = None
        self.trainer: VideoGRPOTrainer | None = None
        self.warm_steps = self.config.section(WarmStartSection).steps
        self.warms_up = False
        self.seconds_of_rendering: list[float] = []
        self.seconds_of_rollouts = self.seconds_of_loss = 0.0

    @property
    def going(self) -> VideoGRPOTrainer:
        """The trainer; raises `NotPossible` as long as there is none."""
        if self.trainer is None:
            raise NotPossible("no trainer could be made")
        return self.trainer

    @cached_property
    def encoder(self) -> PromptEncoder:
        """The run's encoder; raises `ValueError` for a processor that it cannot follow."""
        return PromptEncoder(self.processor)

    @cached_property
    def encoded(self) -> list[EncodedPrompt]:
        """The questions looked at, as the model reads them; raises `ValueError` as the encoder does."""
        return self.encoder.encode([asked.sample for asked in self.asked])

    @property
    def prompts(self) -> list[EncodedPrompt]:
        """The same; raises `NotPossible` where the processor does not allow any."""
        try:
            return self.encoded
        except ValueError as error:
            raise NotPossible("the processor does not let a prompt be encoded") from error

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """Some questions of each task, the same ones on every process.

        Raises:
            DatasetError, VideoError, PluginError: as rendering says.
            NotPossible: no recipe of a task makes a question.
        """
        found: list[Asked] = []

        def choose() -> list[int]:
            found.extend(self._render())
            return [asked.number for asked in found]

        chosen = on_main(choose)  # numbers alone: rendering again is cheaper than sending pictures
        if not PartialState().is_main_process:
            found = [asked for number in chosen if (asked := self._one(number))]
        return tuple(found)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The questions looked at as the loader gives them."""
        questions = Questions(self.recipes, self.renderer)
        with untraced():
            return [questions[Key(asked.number)] for asked in self.asked]

    def _render(self) -> list[Asked]:
        """Questions of all tasks in turn: first one of each, then a second one, and so on."""
        until = time.monotonic() + _RENDERING_S
        by_task: dict[str, list[int]] = {}
        for number, recipe in enumerate(self.recipes):
            by_task.setdefault(recipe.task, []).append(number)
        found: list[Asked] = []
        for turn in range(_OF_EACH_TASK):
            for task, numbers in by_task.items():
                if turn and time.monotonic() > until:
                    return found
                # Spread over the task's questions, so that several videos are looked at.
                first = turn * len(numbers) // _OF_EACH_TASK
                taken = {asked.number for asked in found}
                following = [n for n in numbers[first : first + _TRIED] if n not in taken]
                asked = next((one for one in map(self._timed, following) if one), None)
                if asked is None and not turn:
                    raise NotPossible(f"of task {task!r} no recipe tried makes a question")
                found += [asked] if asked else []
        return found

    def _timed(self, number: int) -> Asked | None:
        since = time.monotonic()
        asked = self._one(number)
        if asked:
            self.seconds_of_rendering.append(time.monotonic() - since)
        return asked

    def _one(self, number: int) -> Asked | None:
        """The question of a recipe; None where training lets another stand in.

        That is so of one that was only planned and does not hold, and of one whose video is lost.
        """
        recipe = self.recipes[number]
        with untraced():
            try:
                sample = (
                    self.renderer.render(recipe) if recipe.checked else self.renderer.make(recipe)
                )
            except Unsuitable:
                return None
            except VideoError as error:
                if error.reason == OTHER_FILE:
                    raise
                return None
            return Asked(number, recipe, sample, self.renderer.clip(recipe.excerpt))
