"""Whether the oldest versions that the distributions ask for are the ones that are installed here.

    python release/bounds.py

A lower bound below what any installation gets, since another package asks for more, is a claim that nothing
tests. `tox -e lowest` runs this before its tests.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).parent))

from versions import projects, requirements


def untested(installed: dict[str, str]) -> list[str]:
    """The lower bounds that are not what is installed.

    Args:
        installed: versions by name, as far as a requirement names them.
    """
    found = []
    for requirement in map(Requirement, sorted(set(wanted()))):
        bounds = [one.version for one in requirement.specifier if one.operator in {">=", "=="}]
        here = installed.get(requirement.name)
        if here and [Version(here)] != list(map(Version, bounds)):
            found.append(f"{requirement}: {here} is what is installed, so nothing tests the bound")
    return found


def wanted() -> list[str]:
    """What all distributions require of others."""
    return [
        one
        for project in projects()
        for one in requirements(project)
        if not one.startswith("videossr")
    ]


def main() -> None:
    """Run the command."""
    here, absent = {}, set()
    for one in map(Requirement, wanted()):
        if one.marker and not one.marker.evaluate():
            continue
        try:
            here[one.name] = version(one.name)
        except PackageNotFoundError:  # what is asked for without choice comes with any installation
            absent.add(one.name)
    if found := untested(here):
        raise SystemExit("\n".join(found))
    print(f"{len(here)} packages are installed in the oldest version asked for")
    if absent:
        print(f"of extras, not installed, and their bounds not tested: {', '.join(sorted(absent))}")


if __name__ == "__main__":
    main()
