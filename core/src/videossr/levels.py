"""Difficulty as one number from 0 to 1, and its named levels."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

#: Named difficulties.
LEVELS: Final = {"easy": 0.0, "train": 0.5, "hard": 1.0}


def _named(value: object) -> object:
    return LEVELS.get(value, value) if isinstance(value, str) else value


#: A difficulty in [0, 1]; in YAML a number or the name of a level.
Level = Annotated[
    float,
    BeforeValidator(_named),
    Field(ge=0, le=1, strict=True),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"enum": list(LEVELS)}]}
    ),
]
