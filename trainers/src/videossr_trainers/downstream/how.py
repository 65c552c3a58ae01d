"""How something was measured: as plain values for files, and in words for pages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr_trainers.answering.cost import Prices, Spent


@dataclass(frozen=True, slots=True)
class How:
    """How a run was measured.

    Attributes:
        settings: plain JSON values that the result depends on.
        identity: the model's, as an `Answerer` has it.
        spent: what the answers took.
        prices: of tokens; None where nobody has said.
    """

    settings: Mapping[str, Any]
    identity: str
    spent: Spent
    prices: Prices | None = None

    @property
    def tree(self) -> dict[str, Any]:
        """As plain JSON values."""
        cost = self.spent.cost(self.prices) if self.prices else None
        spent = {**asdict(self.spent), "cost": cost}
        return {**self.settings, "identity": _parsed(self.identity), "spent": spent}

    @property
    def facts(self) -> dict[str, str]:
        """As labels and texts."""
        told = {name.replace("_", " "): _text(value) for name, value in self.settings.items()}
        return {
            **told,
            "model's identity": self.identity,
            "answers in all": self.spent.in_words(self.prices),
        }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parsed(identity: str) -> object:
    try:
        return json.loads(identity)
    except ValueError:
        return identity
