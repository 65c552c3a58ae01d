"""A benchmark's questions put to a model, as `bench run` wants them: who does it, and the way to do it here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from videossr.benchmark import key_of
from videossr_trainers.answering import Asked, Decoding
from videossr_trainers.answering.sitting import Sitting, Usage
from videossr_trainers.bench.conditions import strangers
from videossr_trainers.bench.folder import Given
from videossr_trainers.bench.showing import Wanted, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from videossr.benchmark import Question
    from videossr.dataset import Recipe
    from videossr.render import Renderer
    from videossr_trainers.answering import Answerer
    from videossr_trainers.bench.conditions import Condition

    #: What takes a question as it was shown, or what was answered.
    Keep = Callable[[Question | Given], None]


class Questions:
    """What there is to ask. It goes to other processes by pickle.

    Args:
        recipes: of the benchmark.
        renderer: of its dataset.
        conditions: under which the model is asked; none where there is no model.

    Raises:
        ConfigError: a subtask has no wrong video.
    """

    def __init__(
        self, recipes: Sequence[Recipe], renderer: Renderer, conditions: Sequence[Condition]
    ) -> None:
        self.recipes = {key_of(recipe): recipe for recipe in recipes}
        self.renderer = renderer
        self.conditions = tuple(conditions)
        self._others = strangers(recipes) if "wrong_video" in conditions else []

    def shown(self, wanted: Sequence[Wanted], keep: Keep, *, workers: int) -> Iterator[Asked]:
        """Questions as they are rendered; what cannot be is kept with the reason.

        Raises:
            PluginError: a plugin failed in making a question.
        """
        keys, recipes = [*self.recipes], [*self.recipes.values()]
        for one in shown(wanted, recipes, self._others, self.renderer, workers=workers):
            key = keys[one.number]
            if one.question:
                keep(one.question)
            for condition, problem in one.problems.items():
                keep(self.given(condition, key, failure=f"cannot be shown: {problem}"))
            for condition, sample in one.samples.items():
                yield Asked(f"{condition}/{key}", sample)

    def given(self, condition: str, key: str, **said: Any) -> Given:  # noqa: ANN401 - fields of Given
        """An answer, or why there is none."""
        recipe = self.recipes[key]
        return Given(condition, key, recipe.task, recipe.video_hash, **said)


class Asker(Protocol):
    """Whoever puts questions to a model, or renders them where there is none."""

    @property
    def questions(self) -> Questions:
        """What it was made for."""

    @property
    def identity(self) -> str | None:
        """The model's, by which answers are kept; None where there is none."""

    @property
    def decoding(self) -> Decoding:
        """How answers are drawn."""

    def put(self, wanted: Sequence[Wanted], keep: Keep) -> Usage:
        """Ask, and keep each question as it was shown, and each answer.

        Raises:
            VideossrError: a plugin failed in making a question, or the model cannot be asked.
        """


@dataclass(frozen=True, slots=True)
class Here:
    """Asks a model that this process has, or that it reaches.

    Attributes:
        questions: what there is to ask.
        answerer: the model; None to render the questions alone.
        decoding: how answers are drawn; greedily by default.
        workers: threads that render.
    """

    questions: Questions
    answerer: Answerer | None = None
    decoding: Decoding = field(default_factory=Decoding)
    workers: int = 1

    @property
    def identity(self) -> str | None:
        """As `Asker.identity`."""
        return self.answerer.identity if self.answerer else None

    def put(self, wanted: Sequence[Wanted], keep: Keep) -> Usage:
        """As `Asker.put`."""
        asked = self.questions.shown(wanted, keep, workers=self.workers)
        if self.answerer is None:
            for _ in asked:
                pass
            return Usage()
        sitting = Sitting(self.answerer)
        for one, (answer, *_) in sitting.answer(asked, self.decoding):
            condition, _, key = one.key.partition("/")
            given = self.questions.given(
                condition,
                key,
                text=answer.text,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
                failure=answer.failure or "",
                truncated=answer.truncated,
            )
            keep(given)
        return sitting.usage
