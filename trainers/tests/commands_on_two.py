"""Run by each of two processes: commands that ask a model, here one that says what a test decides on.

    commands_on_two.py RECORDS COMMAND ...

Each command is a JSON list of words. Each process records the exit codes and which questions it was asked.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fake_answerers import Says
from torch import distributed

from videossr.cli.app import main
from videossr.errors import VideossrError
from videossr_trainers import console
from videossr_trainers.answering.choice import ModelOptions
from videossr_trainers.downstream import session

if TYPE_CHECKING:
    from videossr_trainers.answering import Asked

codes, models = [], []


def says(asked: Asked, number: int) -> str:
    """The right label first, and later another; one question is too much."""
    if asked.sample.question.startswith("Too much?"):
        return fails(asked, number)
    return "Z" if number else asked.sample.answer[0]


def fails(asked: Asked, _: int) -> str:
    """Nothing at all, in the second process."""
    if os.environ["RANK"] == "1":
        raise VideossrError("a fault that one process meets")
    return asked.sample.answer


def wavering(options: ModelOptions, cache: Path | None = None) -> Says:
    """A model of this process."""
    del cache
    models.append(Says(fails if options.model == "faulty" else says))
    return models[-1]


ModelOptions.answerer = wavering  # type: ignore[method-assign]
session.quiet_libraries = console.quiet_libraries = lambda: (
    None
)  # slow to import, nothing to be quiet
for words in sys.argv[2:]:
    try:
        main(json.loads(words))
    except SystemExit as stop:
        codes.append(stop.code)
asked = [[one.sample.question.partition("\n")[0] for one in model.asked] for model in models]
record = Path(sys.argv[1]) / f"{os.environ['RANK']}.json"
record.write_text(json.dumps({"codes": codes, "asked": asked}))
distributed.destroy_process_group()
