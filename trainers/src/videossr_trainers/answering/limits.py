"""How often a server is asked, and how long it is waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for; all times in seconds.

    Attributes:
        tries: of one request, the first included.
        first_wait: after the first fault; twice as long after each further one.
        longest_wait: at most, unless the server says how long.
        longest_told: the longest that a server may tell us to wait; more is taken for a refusal.
        request: from sending a request to having all of its answer.
    """

    tries: int = 8
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_told: float = 600.0
    request: float = 600.0

    def wait(self, faults: int, dice: random.Random) -> float:
        """How long to wait after so many faults: between half of the full time and all of it.

        By chance, so that what failed together does not come back together.
        """
        full = min(self.longest_wait, self.first_wait * 2.0 ** min(faults - 1, 30))
        return full * dice.uniform(0.5, 1.0)


def told_wait(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The seconds that a server tells us to wait by Retry-After, as a number or a date.

    Args:
        headers: of the answer, their names in lower case or in a mapping that ignores it.
        now: seconds since 1970, for a date; by default those of the clock.

    Returns:
        None where there is none, or none that can be read.
    """
    try:
        return _seconds(float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    told = headers.get("retry-after", "")
    try:
        return _seconds(float(told))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - (now or time.time()))
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(told: float) -> float | None:
    return told if isfinite(told) and told >= 0 else None


class Pace:
    """Lets requests go one by one, evenly spread, and none while the server wants rest.

    Args:
        per_minute: at most; None for no limit.
        clock, sleep: in seconds.
    """

    def __init__(
        self,
        per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._clock, self._sleep = clock, sleep
        self._next = self._rested = float("-inf")

    async def turn(self) -> None:
        """Wait until a request may go."""
        while (wait := max(self._next, self._rested) - self._clock()) > 0:
            await self._sleep(wait)
        self._next = self._clock() + self._gap

    def rest(self, seconds: float) -> None:
        """Let no request go for so long."""
        self._rested = max(self._rested, self._clock() + seconds)
