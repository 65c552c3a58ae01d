"""A set of perturbations as a field of a task's configuration."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from videossr.seeds import derive_seed

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

    from videossr.facades import Perturbation


class Perturbations:
    """The perturbations that a task draws from, by weight.

    In YAML a mapping from a perturbation's name to its settings, with `weight` and `enabled` beside
    them: `{mirror: {}, rotate: {degrees: 180, weight: 2}, invert: {enabled: false}}`. The core checks
    each against the plugin of that name and hands the task ready objects.
    """

    def __init__(self, weighted: Mapping[str, tuple[Perturbation, float]]) -> None:
        # By name, or the order in which somebody wrote them down would change what is drawn.
        self._weighted = dict(sorted(weighted.items()))

    def __iter__(self) -> Iterator[Perturbation]:
        return (perturbation for perturbation, _ in self._weighted.values())

    def __len__(self) -> int:
        return len(self._weighted)

    def __getitem__(self, name: str) -> Perturbation:
        return self._weighted[name][0]

    def pick(self, rng: random.Random) -> Perturbation:
        """Draw one, by weight.

        A race: each arrives after a time of its own, exponential at the rate of its weight, and the
        first wins (Efraimidis and Spirakis, 2006). Who wins does not depend on the others' being
        there, so that leaving one out changes the questions that it altered, and no other.
        """
        # `random()` is the one method whose sequence Python promises never to change.
        draw = rng.random().hex()
        times = {
            name: -log((derive_seed("perturbation", draw, name) + 1) / 2**64) / weight
            for name, (_, weight) in self._weighted.items()
        }
        return self[min(times, key=lambda name: times[name])]

    def settings(self) -> dict[str, dict[str, Any]]:
        """The mapping that gives this set again, with every default written out."""
        return {
            name: {"weight": weight, **perturbation.config.model_dump(mode="json")}
            for name, (perturbation, weight) in self._weighted.items()
        }

    def changed_settings(self) -> dict[str, dict[str, Any]]:
        """As `settings`, without those that have their defaults."""
        return {
            name: {
                "weight": weight,
                **perturbation.config.model_dump(mode="json", exclude_defaults=True),
            }
            for name, (perturbation, weight) in self._weighted.items()
        }

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.settings),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "object", "additionalProperties": {"type": "object"}, "minProperties": 1}


def perturbation_fields(schema: type[BaseModel]) -> list[str]:
    """The fields of a schema that hold perturbations."""
    fields = schema.model_fields.items()
    return [name for name, field in fields if field.annotation is Perturbations]
