"""Reward range: a guard on what rewards return.

For example 1.0000000002, which rounding makes of a sum of shares, becomes 1.0; and 1.2, NaN or text
end the run with an error that names the task. Without this guard the first would end it too.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from videossr import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator

    from videossr import HookCall


class RewardRangeConfig(BaseModel):
    """The range, and what counts as rounding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least: Annotated[float, Field(ge=0, le=1, description="smallest reward that is right")] = 0.0
    greatest: Annotated[float, Field(ge=0, le=1, description="largest reward that is right")] = 1.0
    tolerance: Annotated[
        float,
        Field(ge=0, le=0.1, description="how far outside counts as rounding, and is put back"),
    ] = 1e-6

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.greatest < self.least:
            raise ValueError(
                f"greatest {self.greatest:g} is less than least {self.least:g}; must be at least that"
            )
        return self


class Guard:
    """The wrappers of one run, and how often they had to act."""

    def __init__(self, config: RewardRangeConfig) -> None:
        self._config = config
        self._corrected = 0
        self._lock = Lock()

    @hookimpl(wrapper=True)
    def reward(self, call: HookCall) -> Generator[None, Any, Any]:
        """The reward, inside the range."""
        score = yield
        low, high, slack = self._config.least, self._config.greatest, self._config.tolerance
        number = isinstance(score, int | float) and not isinstance(score, bool)
        if not number or not low - slack <= score <= high + slack:
            raise call.fault(f"returned {score!r}; must return a number in [{low:g}, {high:g}]")
        if low <= score <= high:
            return score
        with self._lock:
            self._corrected += 1
        return min(high, max(low, score))

    def measurements(self) -> dict[str, float]:
        """How many rewards were put back into the range."""
        return {"corrected": self._corrected}


class RewardRange:
    """The modifier `reward_range`."""

    Config = RewardRangeConfig
    summary = "Guard the range of every reward, and put rounding right"
    version = "1"

    @hookimpl
    def make_modifier(self, config: RewardRangeConfig) -> Guard:
        """Wrappers for one run."""
        return Guard(config)


plugin = RewardRange()
