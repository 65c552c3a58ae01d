"""Config values that follow the difficulty, as data that a user can read and set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

# Neither text nor true and false, which Pydantic would otherwise turn into numbers.
_Level = Annotated[float, Field(strict=True, allow_inf_nan=False)]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Ramp(BaseModel):
    """A number that moves with the difficulty, in straight lines through its levels.

    In YAML either one number, which holds at every difficulty, or the values at the named levels:
    `{easy: 3, hard: 9}` or `{easy: 3, train: 6, hard: 9}`. Easy is difficulty 0, train 0.5, hard 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    easy: Annotated[_Level, Field(description="value at difficulty 0")]
    train: Annotated[_Level, Field(description="value at difficulty 0.5; halfway if left out")]
    hard: Annotated[_Level, Field(description="value at difficulty 1")]

    @model_validator(mode="before")
    @classmethod
    def _from_shorthand(cls, data: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        if _is_number(data):
            return {"easy": data, "train": data, "hard": data}
        if isinstance(data, dict) and "train" not in data:
            easy, hard = data.get("easy"), data.get("hard")
            # Without two numbers, it is them that are wrong and not the level left out.
            halfway = (easy + hard) / 2 if _is_number(easy) and _is_number(hard) else 0
            return {**data, "train": halfway}
        return data

    @classmethod
    def between(cls, easy: float, hard: float, *, train: float | None = None) -> Self:
        """A ramp through its levels; `train` lies halfway if it is not given."""
        return cls(easy=easy, train=(easy + hard) / 2 if train is None else train, hard=hard)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del core, handler
        return _json_schema({})

    def at(self, difficulty: float) -> float:
        """The value at a difficulty in [0, 1]."""
        low, high, share = (
            (self.easy, self.train, 2 * difficulty)
            if difficulty <= 0.5  # noqa: PLR2004 - where train lies
            else (self.train, self.hard, 2 * difficulty - 1)
        )
        # At 1 rounding may miss the level, or pass it against `within`; below 1 it can't.
        return high if share == 1 else low + (high - low) * share

    def whole_at(self, difficulty: float) -> int:
        """The value at a difficulty in [0, 1], rounded to the nearest whole number, halves up."""
        return math.floor(self.at(difficulty) + 0.5)

    @property
    def least(self) -> float:
        """The smallest value at any difficulty."""
        return min(self.easy, self.train, self.hard)

    @property
    def greatest(self) -> float:
        """The largest value at any difficulty."""
        return max(self.easy, self.train, self.hard)


@dataclass(frozen=True, slots=True)
class Within:
    """A bound on a `Ramp` at every difficulty."""

    least: float
    greatest: float

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del core, handler
        return _json_schema({"minimum": self.least, "maximum": self.greatest})

    def _check(self, ramp: Ramp) -> Ramp:
        if ramp.least < self.least or ramp.greatest > self.greatest:
            raise ValueError(
                f"runs from {ramp.least:g} to {ramp.greatest:g}; "
                f"must stay from {self.least:g} to {self.greatest:g}"
            )
        return ramp


def within(least: float, greatest: float) -> Within:
    """A bound on a `Ramp` at every difficulty.

    Written as `Annotated[Ramp, within(1, 9)]`.
    """
    return Within(least, greatest)


def _json_schema(bounds: dict[str, float]) -> JsonSchemaValue:
    number = {"type": "number", **bounds}
    levels = {
        "type": "object",
        "properties": dict.fromkeys(Ramp.model_fields, number),
        "required": ["easy", "hard"],
        "additionalProperties": False,
    }
    return {"anyOf": [number, levels]}
