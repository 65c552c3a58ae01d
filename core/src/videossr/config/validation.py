"""What Pydantic finds wrong, in the words of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossr.errors import Mistake, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel, ValidationError


def nearest(name: object, known: Iterable[str], listed: str) -> str:
    """What a name may have been meant to be, and all that there are."""
    names = sorted(known)
    return f"{did_you_mean(name, names)} {listed} {', '.join(names)}".lstrip()


def mistakes_of(
    where: str, schema: type[BaseModel], error: ValidationError, beside: Iterable[str]
) -> list[Mistake]:
    """Each mistake in a part of a configuration, with what would be right.

    Args:
        where: the part's place in the tree.
        schema: that it does not fit.
        error: what validating it has raised.
        beside: fields that others read of the same place.
    """
    found = []
    for item in error.errors(include_url=False):
        path = [str(step) for step in item["loc"]]
        field = schema.model_fields.get(path[0]) if path else None
        place = ".".join([where, *path])
        if item["type"] == "extra_forbidden" and len(path) == 1:
            known = {*schema.model_fields, *beside}
            found.append(Mistake(place, "is no field", nearest(path[0], known, "fields are")))
            continue
        message = item["msg"].removeprefix("Value error, ")
        given = f"{item['input']!r}: " if path and item["type"] != "missing" else ""
        right = f"{path[0]} is {field.description}" if field and field.description else ""
        found.append(Mistake(place, given + message[:1].lower() + message[1:], right))
    return found
