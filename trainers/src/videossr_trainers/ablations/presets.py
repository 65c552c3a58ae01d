"""Which ablations there are: those of this package, and a user's own, each a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from videossr import ConfigError
from videossr.config.load import read_tree
from videossr.errors import Mistake, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Those that come along. What lies in folders below it are parts, and no ablations.
PRESETS: Final = Path(__file__).parent / "presets"

#: Where a user's own are looked for.
OWN: Final = Path("ablations")

#: Hyphens divide the names of tox's environments.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

_COMMANDS: Final = frozenset({"run", "report", "list"})


@dataclass(frozen=True, slots=True)
class Ablation:
    """An overlay, as its file has it.

    Attributes:
        name: the stem of the file.
        path: the file.
        summary: what it changes, in a few words.
        against: the name of the one that it is compared with; empty for none.
    """

    name: str
    path: Path
    summary: str
    against: str


def find_ablations(folders: Iterable[Path] = ()) -> dict[str, Ablation]:
    """Every ablation by its name, sorted: those that come along, and those of some folders.

    Raises:
        ConfigError: a folder is none, a file ends in .yml, two files have one name, a name is none, a file
            cannot be read, or one is compared with another that is not there; with every mistake.
    """
    found = dict(_shipped())
    mistakes: list[Mistake] = []
    for folder in folders:
        if not folder.is_dir():
            mistakes.append(Mistake(str(folder), "is no folder", "give one with YAML files"))
            continue
        mistakes += [
            Mistake(str(path), "is passed over", f"name it {path.stem}.yaml")
            for path in sorted(folder.glob("*.yml"))
        ]
        for path in sorted(folder.glob("*.yaml")):
            if path.stem in found:
                other = found[path.stem].path
                mistakes.append(Mistake(str(path), f"has the name of {other}", "rename one"))
                continue
            try:
                found[path.stem] = _read(path)
            except ConfigError as error:
                mistakes += error.mistakes
    for one in found.values():
        if one.against and one.against not in found:
            right = did_you_mean(one.against, list(found))
            problem = f"{one.against!r} is no ablation"
            mistakes.append(Mistake(f"{one.path}: ablation.against", problem, right))
    if mistakes:
        raise ConfigError(mistakes)
    for one in found.values():
        chain(one.name, found)
    return dict(sorted(found.items()))


def chain(name: str, ablations: Mapping[str, Ablation]) -> list[str]:
    """An ablation, the one that it is compared with, and so on to the last.

    Raises:
        ConfigError: it comes back to one of them.
    """
    names = [name]
    while against := ablations[names[-1]].against:
        if against in names:
            circle = " -> ".join([*names, against])
            where = f"{ablations[name].path}: ablation.against"
            raise ConfigError(Mistake(where, f"runs in a circle: {circle}"))
        names.append(against)
    return names


def chosen(names: Sequence[str], ablations: Mapping[str, Ablation]) -> list[str]:
    """The names that were asked for, each once.

    Raises:
        ConfigError: some are no ablations, or there are none.
    """
    if not names:
        right = "`videossr ablate list` names all"
        raise ConfigError(Mistake("NAME", "no ablation is named", right))
    mistakes = [
        Mistake(name, "is no ablation", _nearest(name, list(ablations)))
        for name in names
        if name not in ablations
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return list(dict.fromkeys(names))


def _nearest(name: str, known: list[str]) -> str:
    return f"{did_you_mean(name, known)} `videossr ablate list` names all".lstrip()


@cache
def _shipped() -> Mapping[str, Ablation]:
    """Those that come along."""
    return {path.stem: _read(path) for path in sorted(PRESETS.glob("*.yaml"))}


def _read(path: Path) -> Ablation:
    if not _NAME.fullmatch(path.stem) or path.stem in _COMMANDS:
        right = "use small letters, digits and underscores, and no name of a command"
        raise ConfigError(Mistake(str(path), f"{path.stem!r} is no name", right))
    section: Any = read_tree(path).get("ablation") or {}
    if not isinstance(section, dict):
        raise ConfigError(Mistake(f"{path}: ablation", f"{section!r} is no mapping"))
    against = section.get("against") or ""
    return Ablation(path.stem, path, str(section.get("summary") or ""), str(against))
