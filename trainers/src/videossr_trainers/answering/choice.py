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
    ) -> None:
        options = ModelOptions(model=model, revision=revision, ...)
        answerer = options.answerer(cache=output / "answers.jsonl")
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - as the aliases below, read when a command is called
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from videossr_trainers.answering.answer import Answerer

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
    """

    model: str
    revision: str | None = None
    endpoint: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    show: Literal["images", "video"] = "images"
    concurrency: int = 8
    requests_per_minute: float | None = None
    batch_size: int = 8
    max_new_tokens: int = 64
    price_in: float | None = None
    price_out: float | None = None

    def answerer(self, cache: Path | None = None) -> Answerer:
        """The model, ready to be asked.

        Args:
            cache: a file of answers, made if need be; what it holds is not asked again.

        Raises:
            ConfigError: options that do not go together, a model or server that cannot be used, or a
                file that holds no answers.
        """
        raise NotImplementedError
