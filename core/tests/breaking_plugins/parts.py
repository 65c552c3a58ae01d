"""What several of them are made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """No settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Consecutive:
    """Tells whether something comes twice in a row, as a cache that is never emptied does."""

    def __init__(self) -> None:
        self._last: object = None

    def again(self, what: object) -> bool:
        repeated, self._last = what == self._last, what
        return repeated
