"""What went to a server and came back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Traffic:
    """What went to and fro.

    Attributes:
        requests: sent.
        faults: requests that brought no answer, by kind: an HTTP status, `timeout`, `connection`,
            `malformed`, `misdirected`, `withheld` or, for a parameter that the server does not take,
            `refused NAME`.
        sent: the ids of all requests.
        reached: whether the server has ever said anything.
    """

    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)
    reached: bool = False
