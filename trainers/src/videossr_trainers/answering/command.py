"""Commands that ask a model have one parameter for all of its options.

    @app.command()
    @asks_a_model()
    def run(output: Output, options: ModelOptions, quiet: Quiet = False) -> None:
        answerer = options.answerer(cache=output / "answers.jsonl")

On its command line the parameter is the fields of `ModelOptions`, each an option.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from videossr.errors import ConfigError, Mistake
from videossr_trainers.answering.choice import MODEL, ModelOptions, spelt

if TYPE_CHECKING:
    from collections.abc import Callable


def asks_a_model(
    *, without: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a model in the place of its parameter `options`.

    Args:
        without: what the command does where no model is named, for the help; `options` is then None.
            By default --model has to be given.

    Raises:
        ConfigError: on a call, an option of a model where none is named.
    """
    hints = get_type_hints(ModelOptions, include_extras=True)
    of_model = {
        one.name: inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in fields(ModelOptions)
    }
    if without is not None:
        optional = Annotated[str | None, typer.Option("--model", help=f"{MODEL} {without}")]
        of_model["model"] = of_model["model"].replace(default=None, annotation=optional)

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(**given: Any) -> None:  # noqa: ANN401 - whatever the command has
            told = {name: given.pop(name) for name in of_model}
            if told["model"] is None:
                _refuse_without_model(told)
                command(options=None, **given)
            else:
                command(options=ModelOptions(**told), **given)

        parameters: list[inspect.Parameter] = []
        for one in inspect.signature(command, eval_str=True).parameters.values():
            parameters += (
                of_model.values()
                if one.name == "options"
                else [one.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
            )
        # Of the command's own annotations `options` is no option of a command line.
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return called

    return with_options


def _refuse_without_model(told: dict[str, Any]) -> None:
    """Raise `ConfigError` with every option that says how a model is asked, where there is none."""
    mistakes = [
        Mistake(spelt(one.name), "without a model", "name one by --model, or leave it out")
        for one in fields(ModelOptions)
        if one.default is not MISSING and told[one.name] != one.default
    ]
    if mistakes:
        raise ConfigError(mistakes)
