"""Where a plugin comes from, what it is, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["task", "perturbation", "modifier", "unknown"]
State = Literal["enabled", "disabled", "broken", "conflict", "barred"]

#: The hooks that make a plugin of each kind; it has to implement them all.
KINDS: Final[Mapping[Kind, frozenset[str]]] = {
    "task": frozenset({"make_sample", "reward"}),
    "perturbation": frozenset({"perturb"}),
    "modifier": frozenset({"make_modifier"}),
}

#: The hooks that it may implement besides.
OPTIONAL: Final[Mapping[Kind, frozenset[str]]] = {
    "task": frozenset({"difficulty_schedule"}),
    "perturbation": frozenset({"visible"}),
}

#: Fields of an entry in the configuration that the core reads, and so no plugin's own.
RESERVED: Final[Mapping[Kind, frozenset[str]]] = {
    "task": frozenset({"plugin", "enabled", "weight", "difficulty"}),
    "perturbation": frozenset({"enabled", "weight"}),
    "modifier": frozenset({"enabled", "tasks"}),
}

#: Sections of the configuration that the core reads, and so no extension's own.
SECTIONS: Final = frozenset(
    {"seed", "requires", "plugins", "video", "store", "build", "tasks", "modifiers"}
)

#: What each state means.
STATES: Final[Mapping[State, str]] = {
    "enabled": "works, and is on",
    "disabled": "switched off by the configuration; its module was not imported",
    "broken": "cannot be used; the problem says why",
    "conflict": "two packages bring a plugin of this name; neither was imported",
    "barred": "not on the allow-list; its module was not imported",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """A plugin as it is listed.

    Attributes:
        name: the entry point's name, or the stem of a loose file.
        distribution, version: the package that brings it; of a loose file its path, and a hash of it.
        module: the entry point's value, `module:attribute`.
        plugin_version: the plugin's own version, which changes when its samples do.
        problem: why it is in another state than enabled.
    """

    name: str
    distribution: str
    version: str
    module: str
    kind: Kind = "unknown"
    state: State = "enabled"
    plugin_version: str = ""
    hooks: tuple[str, ...] = ()
    summary: str = ""
    problem: str = ""

    @property
    def loose(self) -> bool:
        """Whether it is a file in a folder, rather than part of an installed package."""
        return self.module == f"{self.distribution}:plugin"

    @property
    def standing(self) -> str:
        """The state, as it goes into a sentence: "is broken", "is in conflict"."""
        return "in conflict" if self.state == "conflict" else self.state

    @property
    def bringer(self) -> str:
        """The package and its version, as in `videossr-jigsaw 0.1.0`."""
        return f"{self.distribution} {self.version}".strip()
