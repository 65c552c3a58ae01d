"""How something was measured: as plain values for files, and in words for pages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from videossr_trainers.answering.answer import identity_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr_trainers.answering.cost import Prices
    from videossr_trainers.answering.sitting import Usage


@dataclass(frozen=True, slots=True)
class How:
    """How a run was measured.

    Attributes:
        settings: plain JSON values that the result depends on.
        identity: the model's, as an `Answerer` has it.
        usage: what the answers took.
        prices: of tokens; None where nobody has said.
    """

    settings: Mapping[str, Any]
    identity: str
    usage: Usage
    prices: Prices | None = None

    @property
    def tree(self) -> dict[str, Any]:
        """As plain JSON values."""
        whole = self.usage.whole
        return {
            **self.settings,
            "identity": identity_tree(self.identity),
            "spent": {**asdict(whole), "cost": whole.cost(self.prices) if self.prices else None},
            "session": self.usage.tree(self.prices),
        }

    @property
    def facts(self) -> dict[str, str]:
        """As labels and texts."""
        told = {name.replace("_", " "): _text(value) for name, value in self.settings.items()}
        return {**told, "model's identity": self.identity, **self.told}

    @property
    def told(self) -> dict[str, str]:
        """What the answers took in words, as label and text."""
        return {
            "answers in all": self.usage.whole.in_words(self.prices),
            "asked in the last session": self.usage.in_words(self.prices),
        }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
