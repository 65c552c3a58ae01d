"""`videossr model-card`: the card of a finished run written anew, with what the model scored since."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videossr import ConfigError
from videossr.errors import Mistake, Mistakes


def model_card(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    bench: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of `videossr bench run` on its model; may be repeated."),
    ] = None,
    dataset_name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OWNER/NAME", help="The training set's name on the Hub; may be repeated."
        ),
    ] = None,
) -> None:
    """Write the card beside a run's model anew: its README.md, with scores and floors.

    A training writes the card itself, without scores on other questions. Answers of another model than
    the run's are refused.

    Example: videossr model-card run --bench answers
    """
    from videossr_trainers.model_card.card import CARD, write_card  # noqa: PLC0415 - slow to import
    from videossr_trainers.model_card.scores import exam_of  # noqa: PLC0415

    model = run / "model"
    if not model.is_dir():
        right = "give the folder of a run that is finished"
        raise ConfigError(Mistake(str(run), "there is no trained model in it", right))
    mistakes, exams = Mistakes(), []
    for folder in bench or ():
        with mistakes.noted():
            exams.append(exam_of(folder, model))
    mistakes.tell()
    if not write_card(model, run, exams=exams, datasets=dataset_name or ()):
        right = "give the folder of a run, with its config.yaml and provenance.json"
        raise ConfigError(Mistake(str(run), "it does not say what the model is made of", right))
    typer.echo(f"card: {model / CARD}")
