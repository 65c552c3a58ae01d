"""What a configuration of a stranger's may take: bounds on a YAML file, and on what its `${...}` spell out.

YAML lets a value be repeated by its name, and OmegaConf lets one value hold another. Either way a file of a
few lines can stand for more than any memory holds. And a resolver such as `${oc.env:TOKEN}` would copy what
is on the machine into files that are made to be passed on. So nothing but other values of the same
configuration can be referred to, and all is counted before it is spelt out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from videossr.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Bytes of a file.
MOST_BYTES: Final = 2**20

#: Characters of all values, each counted once more for itself.
MOST: Final = 2**22

#: Mappings and lists within one another.
DEEPEST: Final = 64

_REFERENCE: Final = re.compile(r"\$\{([^${}]*)\}")

#: What is wrong with references that take more steps than there is room for.
ENDLESS: Final = "has values that refer to one another without end"

_SPELT_OUT: Final = f"spells out to more than {MOST:,} characters"


def check_file(path: Path) -> None:
    """Refuse a YAML file that is too much to read. What is no YAML is left to whoever reads it.

    Raises:
        ConfigError: it is too large, too deep, or its aliases repeat too much.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ConfigError(
            Mistake(str(path), f"is no configuration: more than {MOST_BYTES:,} bytes")
        )
    if problem := _excess(data):
        raise ConfigError(Mistake(str(path), problem))


def _excess(data: bytes) -> str:
    """What is too much of a YAML text; empty where nothing is."""
    count = _Count()
    try:
        # Events come one by one, so that nothing is built of what is refused.
        for event in yaml.parse(data, Loader=yaml.SafeLoader):
            count.take(event)
            if count.total > MOST:
                return _SPELT_OUT
            if len(count.opened) > DEEPEST:
                return f"is nested more than {DEEPEST} deep"
    except (yaml.YAMLError, ValueError):  # bytes that are no text among them
        return ""
    return ""


class _Count:
    """What the events of a YAML text come to, aliases spelt out."""

    def __init__(self) -> None:
        self.total = 0
        #: For each mapping or list that is open: its anchor, and what was counted before it.
        self.opened: list[tuple[str | None, int]] = []
        self._sizes: dict[str | None, int] = {}

    def take(self, event: yaml.Event) -> None:
        before = self.total
        match event:
            case yaml.AliasEvent():
                self.total += self._sizes.get(event.anchor, 0)
            case yaml.ScalarEvent():
                self.total += 1 + len(event.value)
                self._sizes[event.anchor] = self.total - before
            case yaml.CollectionStartEvent():
                self.opened.append((event.anchor, before))
                self.total += 1
            case yaml.CollectionEndEvent():
                anchor, before = self.opened.pop()
                self._sizes[anchor] = self.total - before


def check_references(where: str, tree: dict[str, Any]) -> None:
    """Refuse a tree whose `${...}` are anything but names of other values, or spell out to too much.

    Args:
        where: what an error calls the whole tree.
        tree: nothing of it is filled in yet.

    Raises:
        ConfigError: with every mistake there is.
    """
    spelt = _Spelt(tree)
    try:
        size = spelt.size(())
    except RecursionError as error:
        raise ConfigError(Mistake(where, ENDLESS)) from error
    if spelt.mistakes:
        raise ConfigError(spelt.mistakes)
    if size > MOST:
        raise ConfigError(Mistake(where, _SPELT_OUT))


class _Spelt:
    """How long the values of a tree are once they are filled in."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self._tree = tree
        self._sizes: dict[tuple[str, ...], int] = {}
        self.mistakes: list[Mistake] = []

    def size(self, path: tuple[str, ...]) -> int:
        if path not in self._sizes:
            self._sizes[path] = 0  # of a circle, which is told when it is filled in
            self._sizes[path] = 1 + sum(self._parts(path, self._at(path)))
        return self._sizes[path]

    def _parts(self, path: tuple[str, ...], value: object) -> Iterator[int]:
        if isinstance(value, dict):
            for name in value:
                yield len(str(name)) + self.size((*path, str(name)))
        elif isinstance(value, list):
            for number in range(len(value)):
                yield self.size((*path, str(number)))
        elif isinstance(value, str):
            yield len(value)
            for name in self._names(path, value):
                yield self.size(_place(path, name))

    def _names(self, path: tuple[str, ...], text: str) -> list[str]:
        """The values that a text refers to."""
        names: list[str] = _REFERENCE.findall(text)
        rest = _REFERENCE.sub("", text)
        if "${" in rest or any(":" in name for name in names):
            right = (
                "refer to another value of the configuration, as in ${video.num_frames}; what the "
            )
            right += "environment has, the shell fills in: key=$NAME on the command line"
            self.mistakes.append(Mistake(".".join(path), f"{text!r} is no reference", right))
            return []
        return names

    def _at(self, path: tuple[str, ...]) -> object:
        value: Any = self._tree
        for step in path:
            if isinstance(value, dict):
                value = next((one for key, one in value.items() if str(key) == step), None)
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value


def _place(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Where a name leads that stands at a place: from the top, or with dots before it from there."""
    up = len(name) - len(name.lstrip("."))
    steps = tuple(step.strip() for step in re.split(r"[.\[\]]+", name) if step.strip())
    return (*path[: len(path) - up], *steps) if up else steps
