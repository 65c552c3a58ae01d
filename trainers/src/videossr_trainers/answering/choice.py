"""Which model is asked, and how: the options that every command with a model shares.

A command has one parameter for all of them, and gets what was given:

    @app.command()
    @asks_a_model()
    def run(output: Output, options: ModelOptions, quiet: Quiet = False) -> None:
        answerer = options.answerer(cache=output / "answers.jsonl")

Each option is declared once, as a field of `ModelOptions`, with its default.
"""

from __future__ import annotations

import functools
import inspect
import os
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_type_hints

import typer

from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videossr_trainers.answering.answer import Answerer
    from videossr_trainers.answering.cost import Prices

MaxNewTokens = Annotated[
    int, typer.Option("--max-new-tokens", min=1, help="Most tokens of an answer.")
]

_USUAL_KEY: Final = "OPENAI_API_KEY"

#: What --model names.
_MODEL: Final = "A Hugging Face name or folder; with --endpoint, the server's name for the model."

#: Fields that mean nothing to a model on this machine.
_OF_ENDPOINTS: Final = frozenset(
    {"api_key_env", "show", "concurrency", "requests_per_minute", "jpeg_quality", "video_crf"}
)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of a command that asks a model, as given; each field's help says what it is."""

    model: Annotated[str, typer.Option("--model", help=_MODEL)]
    revision: Annotated[
        str | None, typer.Option("--revision", help="Branch, tag or commit of --model on the hub.")
    ] = None
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            metavar="URL",
            help="Ask a server that speaks OpenAI's protocol, such as http://localhost:8000/v1.",
        ),
    ] = None
    api_key_env: Annotated[
        str,
        typer.Option(
            "--api-key-env",
            metavar="NAME",
            help="The environment variable that holds the key of --endpoint.",
        ),
    ] = _USUAL_KEY
    show: Annotated[
        Literal["images", "video"],
        typer.Option(
            "--show", help="How --endpoint is shown a clip: frame by frame, or as a file."
        ),
    ] = "images"
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, help="Requests to --endpoint at a time.")
    ] = 8
    requests_per_minute: Annotated[
        float | None,
        typer.Option(
            "--requests-per-minute", min=0.01, help="Most requests to --endpoint a minute."
        ),
    ] = None
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size", min=1, help="Questions a model on this machine is asked at a time."
        ),
    ] = 8
    max_new_tokens: MaxNewTokens = 64
    price_in: Annotated[
        float | None,
        typer.Option("--price-in", min=0, help="Price of a million prompt tokens, for the cost."),
    ] = None
    price_out: Annotated[
        float | None,
        typer.Option("--price-out", min=0, help="Price of a million answer tokens, for the cost."),
    ] = None
    jpeg_quality: Annotated[
        int | None,
        typer.Option(
            "--jpeg-quality",
            min=1,
            max=100,
            help="Show --endpoint frames as JPEG, which loses a little; by default PNG, without loss.",
        ),
    ] = None
    video_crf: Annotated[
        int | None,
        typer.Option(
            "--video-crf",
            min=1,
            max=51,
            help="Show --endpoint video in the usual 4:2:0, which loses a little; "
            "by default RGB, without loss.",
        ),
    ] = None

    def answerer(self, cache: Path | None = None) -> Answerer:
        """The model, ready to be asked.

        Args:
            cache: a file of answers, made if need be; what it holds is not asked again.

        Raises:
            ConfigError: options that do not go together, a model or server that cannot be used, or a
                file that holds no answers.
        """
        self._refuse_mixtures()
        answerer = self._local() if self.endpoint is None else self._remote(self.endpoint)
        if cache is None:
            return answerer
        from videossr_trainers.answering.cache import AnswerCache  # noqa: PLC0415 - not for help
        from videossr_trainers.answering.cached import Cached  # noqa: PLC0415

        return Cached(answerer, AnswerCache(cache))

    @property
    def prices(self) -> Prices | None:
        """What tokens cost; None where that is not known."""
        if self.price_in is None or self.price_out is None:
            return None
        from videossr_trainers.answering.cost import Prices  # noqa: PLC0415 - not for help

        return Prices(self.price_in, self.price_out)

    def _refuse_mixtures(self) -> None:
        """Raise `ConfigError` with every option that another one rules out."""
        given = {f.name for f in fields(self) if getattr(self, f.name) != f.default}
        mistakes = []
        if self.endpoint is None:
            mistakes += [
                Mistake(_spelt(name), "is for a server", "give --endpoint URL, or leave it out")
                for name in sorted(given & _OF_ENDPOINTS)
            ]
        else:
            if "revision" in given:
                problem = "a server answers with the revision that it was started with"
                mistakes.append(Mistake("--revision", problem, "leave it out"))
            of_other = "video_crf" if self.show == "images" else "jpeg_quality"
            if of_other in given:
                problem = f"has no meaning with --show {self.show}"
                mistakes.append(Mistake(_spelt(of_other), problem, "leave it out"))
        if ("price_in" in given) != ("price_out" in given):
            there, missing = sorted(("price_in", "price_out"), key=given.__contains__)[::-1]
            problem = f"without {_spelt(missing)}, the cost would be that of a half"
            mistakes.append(Mistake(_spelt(there), problem, "give both; 0 where there is none"))
        if mistakes:
            raise ConfigError(mistakes)

    def _local(self) -> Answerer:
        from videossr_trainers.answering.local import LocalAnswerer  # noqa: PLC0415 - needs torch

        return LocalAnswerer.load(self.model, self.revision, batch_size=self.batch_size)

    def _remote(self, url: str) -> Answerer:
        from videossr_trainers.answering.endpoint import EndpointAnswerer  # noqa: PLC0415 - an extra
        from videossr_trainers.answering.frames_as import AsImages, AsVideo  # noqa: PLC0415

        images, video = AsImages(self.jpeg_quality), AsVideo(self.video_crf)
        return EndpointAnswerer(
            url,
            self.model,
            key=self._key(),
            frames_as=images if self.show == "images" else video,
            concurrency=self.concurrency,
            requests_per_minute=self.requests_per_minute,
        )

    def _key(self) -> str | None:
        """The server's key; None where the usual variable is not set, for servers that need none."""
        key = os.environ.get(self.api_key_env)
        if not key and self.api_key_env != _USUAL_KEY:
            right = "set it to the key"
            problem = f"the environment variable {self.api_key_env} is not set"
            raise ConfigError(Mistake("--api-key-env", problem, right))
        return key or None


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
        optional = Annotated[str | None, typer.Option("--model", help=f"{_MODEL} {without}")]
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
        Mistake(_spelt(one.name), "without a model", "name one by --model, or leave it out")
        for one in fields(ModelOptions)
        if one.default is not MISSING and told[one.name] != one.default
    ]
    if mistakes:
        raise ConfigError(mistakes)


def _spelt(field: str) -> str:
    """A field as an option."""
    return f"--{field.replace('_', '-')}"
