"""Settings between which something is drawn, for the perturbations that draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, model_validator


class Bounds(BaseModel):
    """A `least` and a `greatest`, which the settings that derive from this declare, in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    if TYPE_CHECKING:
        least: float
        greatest: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.greatest < self.least:
            raise ValueError(
                f"greatest {self.greatest:g} is less than least {self.least:g}; must be at least that"
            )
        return self
