"""The fields of a plugin's or a section's settings, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import TypeAdapter
from pydantic_core import PydanticUndefined

from videossr.perturbations import perturbation_fields
from videossr.ramp import Ramp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field.

    Attributes:
        type: what it takes, as in `integer`.
        bounds: how much of that, as in `at least 1, at most 9`; empty without any.
        default: as it is written in YAML; `required` where there is none.
        meaning: the field's description.
        levels: its values at the named difficulties, if it follows the difficulty.
    """

    name: str
    type: str
    bounds: str
    default: str
    meaning: str
    levels: Mapping[str, float] | None = None


def fields_of(schema: type[BaseModel]) -> list[FieldRow]:
    """The fields of a schema, in order."""
    json_schema = schema.model_json_schema(by_alias=False)
    definitions = json_schema.get("$defs", {})
    drawn = perturbation_fields(schema)
    rows = []
    for name, field in schema.model_fields.items():
        shape = _resolved(json_schema["properties"][name], definitions)
        default = default_of(field)
        levels = (
            {level: getattr(default, level) for level in Ramp.model_fields}
            if isinstance(default, Ramp)
            else None
        )
        rows.append(
            FieldRow(
                name,
                "table of perturbations" if name in drawn else _type(field, shape, definitions),
                _bounds(shape, definitions),
                "required" if name in drawn else _default(field, default),
                field.description or "",
                levels,
            )
        )
    return rows


def default_of(field: FieldInfo) -> Any:  # noqa: ANN401 - of any type
    """The default of a field; `PydanticUndefined` if it has none, or one made from other fields."""
    if field.default_factory_takes_validated_data:
        return PydanticUndefined
    return field.get_default(call_default_factory=True)


def in_yaml(value: object) -> str:
    """A value as YAML writes it in one line, a ramp as its levels."""
    if isinstance(value, Ramp):
        return " / ".join(map(in_digits, (value.easy, value.train, value.hard)))
    plain = TypeAdapter(Any).dump_python(value, mode="json")
    # In a list, since YAML ends what stands alone with a line of dots.
    text: str = yaml.safe_dump(
        [plain], default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    return text.strip()[1:-1]


def in_digits(number: float) -> str:
    """A number with all its digits, without those that only its binary form has."""
    return str(number) if isinstance(number, int) else f"{number:.15g}"


def _resolved(shape: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = shape.get("$ref")
    return definitions[reference.rpartition("/")[2]] if reference else shape


def _type(field: FieldInfo, shape: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if field.annotation is Ramp:
        return "number, or levels"
    return _name(shape, definitions)


def _name(shape: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    shape = _resolved(shape, definitions)
    for several in ("anyOf", "oneOf"):
        if several in shape:
            return " or ".join(dict.fromkeys(_name(one, definitions) for one in shape[several]))
    if "enum" in shape:
        return " or ".join(map(in_yaml, shape["enum"]))
    if "const" in shape:
        return in_yaml(shape["const"])
    if shape.get("type") == "array":
        inside: Mapping[str, Any] = shape.get("items") or next(
            iter(shape.get("prefixItems", ())), {}
        )
        return f"list of {_name(inside, definitions)}"
    if shape.get("type") == "object":
        return "mapping"
    return str(shape.get("type", "anything"))


def _bounds(shape: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    parts = [shape, *(_resolved(one, definitions) for one in shape.get("anyOf", ()))]
    items = [_resolved(part["items"], definitions) for part in parts if "items" in part]
    said = [
        words.format(in_digits(part[key]))
        for part in [*parts, *items]
        for key, words in _BOUNDS.items()
        if key in part
    ]
    return ", ".join(dict.fromkeys(said))


def _default(field: FieldInfo, value: object) -> str:
    if field.is_required():
        return "required"
    if value is PydanticUndefined:
        return "made from other settings"
    kind = getattr(value, "kind", None)
    if kind == "constant":
        return in_yaml(getattr(value, "at", None))
    return in_yaml(value)
