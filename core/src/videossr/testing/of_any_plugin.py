"""Checks of every plugin, whatever its kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from videossr.perturbations import perturbation_fields
from videossr.testing.check import BrokenRule, Check
from videossr.testing.digests import heavy_imports
from videossr.testing.settings import drawn_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from videossr.testing.subject import Subject

_BELOW: Final = frozenset({"minimum", "exclusiveMinimum"})
_ABOVE: Final = frozenset({"maximum", "exclusiveMaximum"})

_NO_FIELD: Final = "no_field_has_this_name"


def example_fits(subject: Subject) -> str:
    """`example` gives every required setting, and Config takes it; without required ones none is needed."""
    return "" if dict(subject.config) else "has no settings"


def describes_itself(subject: Subject) -> str:
    """`summary` is one line, and `version` a text."""
    for field in ("summary", "version"):
        value = getattr(subject.plugin, field)
        if not isinstance(value, str) or not value.strip() or len(value.splitlines()) > 1:
            raise BrokenRule(f"{field} is {value!r}; must be one line of text")
    return ""


def config_round_trips(subject: Subject) -> str:
    """A configuration that is written out and read again is the same."""
    config, schema = subject.config, type(subject.config)
    tree = json.loads(json.dumps(config.model_dump(mode="json")))
    fields = perturbation_fields(schema)
    again = drawn_from(subject.registry, schema, tree)
    for field in fields:
        if again[field].settings() != tree[field]:
            raise BrokenRule(f"{field} is written as {tree[field]} and read differently")
        tree[field] = getattr(config, field)  # equal only to itself
    try:
        read = schema.model_validate(tree)
    except ValidationError as error:
        problem = f"it is written as {tree} and then refused: {_first(error)}"
        raise BrokenRule(f"{problem}; must be taken") from error
    if read != config:
        raise BrokenRule(f"{config!r} is written out and read as {read!r}; must be equal")
    return ""


def config_rejects_extras(subject: Subject) -> str:
    """A setting of a name that Config does not have is refused, at any depth."""
    config, schema = subject.config, type(subject.config)
    given = {name: getattr(config, name) for name in schema.model_fields}
    try:
        schema.model_validate({**given, _NO_FIELD: 1})
    except ValidationError as error:
        if not any(item["loc"][:1] == (_NO_FIELD,) for item in error.errors()):
            raise BrokenRule(f"Config refuses its own values: {_first(error)}") from error
    else:
        right = 'give Config `extra="forbid"`, or misspelt settings pass unnoticed'
        raise BrokenRule(f"a setting {_NO_FIELD!r} passes; {right}")
    for path, shape in _shapes(subject):
        if "properties" in shape and shape.get("additionalProperties") is not False:
            right = 'give it `extra="forbid"`, or misspelt settings pass unnoticed'
            raise BrokenRule(f"{path} takes fields of any name; {right}")
    return ""


def config_documented(subject: Subject) -> str:
    """Every field of Config has a description, and every number in it bounds on both sides."""
    for name, field in type(subject.config).model_fields.items():
        if not (field.description or "").strip():
            right = "give it `Field(description=...)`, which `plugins show` prints"
            raise BrokenRule(f"{name} has no description; {right}")
    for path, shape in _shapes(subject):
        unbounded = not (_BELOW & shape.keys() and _ABOVE & shape.keys())
        if shape.get("type") in ("number", "integer") and unbounded and not _listed(shape):
            right = "give it `Field(ge=..., le=...)`, or `within(...)` for a Ramp"
            raise BrokenRule(f"{path} is a number without bounds on both sides; {right}")
    return ""


def light_import(subject: Subject) -> str:
    """The plugin's module imports neither torch nor NumPy, which hooks import when they are called."""
    found = heavy_imports(subject)
    if found:
        right = "import inside the hooks, since `plugins list` imports every plugin"
        problem = f"importing {subject.origin.module} imports {' and '.join(found)}"
        raise BrokenRule(f"{problem}; {right}")
    return ""


CHECKS: Final = (
    Check.of(example_fits, gate=True),
    Check.of(describes_itself),
    Check.of(config_round_trips),
    Check.of(config_rejects_extras),
    Check.of(config_documented),
    Check.of(light_import),
)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


def _listed(shape: Mapping[str, Any]) -> bool:
    return "enum" in shape or "const" in shape


def _shapes(subject: Subject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part of Config's JSON Schema below its fields, with where it stands."""
    whole = type(subject.config).model_json_schema()
    seen: set[str] = set()

    def walk(path: str, shape: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - JSON
        if not isinstance(shape, dict):
            return
        if "$ref" in shape:
            if shape["$ref"] in seen:  # of a model inside itself too
                return
            seen.add(shape["$ref"])
            shape = whole["$defs"][shape["$ref"].rpartition("/")[2]]
        yield path, shape
        for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for part in shape.get(key, ()):
                yield from walk(path, part)
        for key in ("items", "additionalProperties"):
            yield from walk(path, shape.get(key))
        for name, part in shape.get("properties", {}).items():
            yield from walk(f"{path}.{name}", part)

    for name, shape in whole.get("properties", {}).items():
        yield from walk(name, shape)
