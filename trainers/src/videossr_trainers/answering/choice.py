"""Which model is asked, and how: the options that every command with a model shares.

Each is declared once, as a field of `ModelOptions`, with its default. A command gets them by `command.py`;
`opening.py` makes of them what answers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.answering.answer import Answerer
    from videossr_trainers.answering.cost import Prices

MaxNewTokens = Annotated[
    int, typer.Option("--max-new-tokens", min=1, help="Most tokens of an answer.")
]

#: The environment variable that holds a server's key where no other is named.
USUAL_KEY: Final = "OPENAI_API_KEY"

#: What --model names.
MODEL: Final = "A Hugging Face name or folder; with --endpoint, the server's name for the model."

#: Fields that mean nothing to a model on this machine.
_OF_ENDPOINTS: Final = frozenset(
    {"api_key_env", "show", "concurrency", "requests_per_minute", "jpeg_quality", "video_crf"}
)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of a command that asks a model, as given; each field's help says what it is."""

    model: Annotated[str, typer.Option("--model", help=MODEL)]
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
    ] = USUAL_KEY
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
        from videossr_trainers.answering.opening import open_answerer  # noqa: PLC0415 - not for help

        return open_answerer(self, cache)

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
                Mistake(spelt(name), "is for a server", "give --endpoint URL, or leave it out")
                for name in sorted(given & _OF_ENDPOINTS)
            ]
        else:
            if "revision" in given:
                problem = "a server answers with the revision that it was started with"
                mistakes.append(Mistake("--revision", problem, "leave it out"))
            of_other = "video_crf" if self.show == "images" else "jpeg_quality"
            if of_other in given:
                problem = f"has no meaning with --show {self.show}"
                mistakes.append(Mistake(spelt(of_other), problem, "leave it out"))
        if ("price_in" in given) != ("price_out" in given):
            there, missing = sorted(("price_in", "price_out"), key=given.__contains__)[::-1]
            problem = f"without {spelt(missing)}, the cost would be that of a half"
            mistakes.append(Mistake(spelt(there), problem, "give both; 0 where there is none"))
        if mistakes:
            raise ConfigError(mistakes)


def spelt(field: str) -> str:
    """A field as an option."""
    return f"--{field.replace('_', '-')}"
