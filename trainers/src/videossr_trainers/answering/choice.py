"""Which model is asked, and how: the options that every command with a model shares.

A command lists them one by one, by the aliases here, so that they read alike everywhere:

    def run(
        model: Model,
        revision: Revision = None,
        endpoint: Endpoint = None,
        api_key_env: ApiKeyEnv = "OPENAI_API_KEY",
        show: Show = "images",
        concurrency: Concurrency = 8,
        requests_per_minute: RequestsPerMinute = None,
        batch_size: BatchSize = 8,
        max_new_tokens: MaxNewTokens = 64,
        price_in: PriceIn = None,
        price_out: PriceOut = None,
        jpeg_quality: JpegQuality = None,
        video_crf: VideoCrf = None,
    ) -> None:
        options = ModelOptions(model=model, revision=revision, ...)
        answerer = options.answerer(cache=output / "answers.jsonl")
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.answering.answer import Answerer
    from videossr_trainers.answering.cost import Prices

Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="A Hugging Face name or folder; with --endpoint, the server's name for the model.",
    ),
]
Revision = Annotated[
    str | None, typer.Option("--revision", help="Branch, tag or commit of --model on the hub.")
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="Ask a server that speaks OpenAI's protocol, such as http://localhost:8000/v1.",
    ),
]
ApiKeyEnv = Annotated[
    str,
    typer.Option(
        "--api-key-env",
        metavar="NAME",
        help="The environment variable that holds the key of --endpoint.",
    ),
]
Show = Annotated[
    Literal["images", "video"],
    typer.Option("--show", help="How --endpoint is shown a clip: frame by frame, or as a file."),
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, help="Requests to --endpoint at a time.")
]
RequestsPerMinute = Annotated[
    float | None,
    typer.Option("--requests-per-minute", min=0.01, help="Most requests to --endpoint a minute."),
]
BatchSize = Annotated[
    int,
    typer.Option(
        "--batch-size", min=1, help="Questions a model on this machine is asked at a time."
    ),
]
MaxNewTokens = Annotated[
    int, typer.Option("--max-new-tokens", min=1, help="Most tokens of an answer.")
]
PriceIn = Annotated[
    float | None,
    typer.Option("--price-in", min=0, help="Price of a million prompt tokens, for the cost."),
]
PriceOut = Annotated[
    float | None,
    typer.Option("--price-out", min=0, help="Price of a million answer tokens, for the cost."),
]
JpegQuality = Annotated[
    int | None,
    typer.Option(
        "--jpeg-quality",
        min=1,
        max=100,
        help="Show --endpoint frames as JPEG, which loses a little; by default PNG, without loss.",
    ),
]
VideoCrf = Annotated[
    int | None,
    typer.Option(
        "--video-crf",
        min=1,
        max=51,
        help="Show --endpoint video in the usual 4:2:0, which loses a little; by default RGB, without loss.",
    ),
]

_USUAL_KEY: Final = "OPENAI_API_KEY"

#: Fields that mean nothing to a model on this machine.
_OF_ENDPOINTS: Final = frozenset(
    {"api_key_env", "show", "concurrency", "requests_per_minute", "jpeg_quality", "video_crf"}
)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of a command that asks a model, as given.

    Attributes:
        model: a Hugging Face name or folder; with `endpoint`, the server's name for the model.
        revision: branch, tag or commit on the hub.
        endpoint: the URL of a server that speaks OpenAI's protocol; None for a model on this machine.
        api_key_env: the environment variable that holds the server's key.
        show: how the server is shown a clip.
        concurrency: requests at a time.
        requests_per_minute: at most; None for no limit.
        batch_size: questions that a model on this machine is asked at a time.
        max_new_tokens: most tokens of an answer.
        price_in, price_out: of a million tokens of prompts and of answers.
        jpeg_quality: of the images that the server is shown; None for PNG.
        video_crf: of the video that the server is shown; None to lose nothing.
    """

    model: str
    revision: str | None = None
    endpoint: str | None = None
    api_key_env: str = _USUAL_KEY
    show: Literal["images", "video"] = "images"
    concurrency: int = 8
    requests_per_minute: float | None = None
    batch_size: int = 8
    max_new_tokens: int = 64
    price_in: float | None = None
    price_out: float | None = None
    jpeg_quality: int | None = None
    video_crf: int | None = None

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

        return LocalAnswerer(self.model, revision=self.revision, batch_size=self.batch_size)

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


def _spelt(field: str) -> str:
    """A field as an option."""
    return f"--{field.replace('_', '-')}"
