"""Packages and plugins: whether they are whole, fit together, and can be imported."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.metadata import Distribution, distributions, entry_points
from typing import TYPE_CHECKING, Any, Final

from videossr.config.requirements import unmet
from videossr.discovery import GROUP
from videossr.extensions import COMMANDS_GROUP, extensions
from videossr.finding import Finding
from videossr.installing import install_command
from videossr.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Distributions of this project; they are released together.
_OURS: Final = "videossr"

#: Libraries whose versions a report of a fault should have.
_TOLD: Final = ("torch", "transformers", "trl", "av", "torchcodec")


def packages() -> Finding:
    """Every requirement of this project's packages, and of those that bring plugins, is met."""
    found = {one.name: one for one in distributions()}
    brought = {
        point.dist.name
        for group in (GROUP, COMMANDS_GROUP)
        for point in entry_points(group=group)
        if point.dist is not None
    }
    ours: dict[str, str] = {name: one.version for name, one in found.items() if _is_ours(name)}
    wrong = list(_unmet(found[name] for name in sorted({*ours, *brought} & found.keys())))
    versions = {name: found[name].version for name in _TOLD if name in found}
    said = f"Python {sys.version.split()[0]}, " + ", ".join(
        f"{name} {version}" for name, version in versions.items()
    )
    figures: dict[str, Any] = {"python": sys.version.split()[0], "versions": {**ours, **versions}}
    if wrong:
        problems, remedies = zip(*wrong, strict=True)
        meaning = "a package that is missing, or of another version, fails later and says less"
        remedy = "; ".join(dict.fromkeys(remedies))
        return Finding("", "fault", "; ".join(problems), meaning, remedy, figures)
    if len({*ours.values()}) > 1:
        told = ", ".join(f"{name} {version}" for name, version in sorted(ours.items()))
        newest = install_command("-U", *sorted(ours))
        meaning = "the parts of this project are released, and tested, together"
        return Finding("", "warning", told, meaning, newest, figures)
    return Finding("", "ok", said, figures=figures)


def _is_ours(name: str) -> bool:
    return name == _OURS or name.startswith(f"{_OURS}-")


def _unmet(some: Iterable[Distribution]) -> Iterable[tuple[str, str]]:
    for one in some:
        for text in one.requires or ():
            if problem := unmet(text):
                yield f"{one.name} {one.version} needs {text}: {problem[0]}", problem[1]


def plugins() -> Finding:
    """Every plugin and every extension can be imported, and is alone under its name."""
    with redirect_stdout(sys.stderr):  # what modules print when they are imported is no finding
        origins = Registry().origins()
    counts: dict[str, int] = {}
    for one in origins:
        counts[one.state] = counts.get(one.state, 0) + 1
    faults = [
        f"{one.name} of {one.bringer} is {one.standing}: {one.problem}"
        for one in origins
        if one.state in {"broken", "conflict"}
    ]
    faults += extensions().faults
    said = ", ".join(f"{number} {state}" for state, number in counts.items()) or "none installed"
    if not origins:
        remedy = f"{install_command(_OURS)} brings those of this project"
        return Finding("", "warning", said, "there is nothing to ask about", remedy)
    if faults:
        remedy = "update or remove the package; `videossr plugins check NAME` says more"
        meaning = "a configuration that switches it on is refused"
        return Finding("", "fault", "; ".join(faults), meaning, remedy, {"states": counts})
    return Finding("", "ok", said, figures={"states": counts})
