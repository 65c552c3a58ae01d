"""The version that all distributions of this repository share, and that they ask of one another.

python release/versions.py          # tells it, or how they differ
python release/versions.py 0.2.0    # sets it everywhere
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

#: A release, or one of its candidates, in the form that installers write.
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(rc\d+)?")

_OWN: Final = re.compile(r'^version = "(.*)"$', re.MULTILINE)

#: A requirement of another distribution of this repository, extras and all.
_PINNED: Final = re.compile(r'(?<=")(videossr(?:-\w+)?(?:\[[\w,]+\])?)==[^"]*(?=")')


def projects(root: Path = ROOT) -> list[Path]:
    """The pyproject.toml of every distribution, that of the whole first."""
    parts = [*root.glob("core/pyproject.toml"), *sorted(root.glob("plugins/*/pyproject.toml"))]
    return [root / "pyproject.toml", *parts, *root.glob("trainers/pyproject.toml")]


def requirements(project: Path) -> list[str]:
    """What a distribution requires, with any extra."""
    table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = table.get("optional-dependencies", {}).values()
    return [*table.get("dependencies", ()), *(one for extra in extras for one in extra)]


def differences(root: Path = ROOT) -> list[str]:
    """Where a version, or what one distribution asks of another, is not that of the whole."""
    wanted = version(root / "pyproject.toml")
    found = []
    for project in projects(root):
        if version(project) != wanted:
            found.append(f"{project.relative_to(root)}: version {version(project)}, not {wanted}")
        found += [
            f"{project.relative_to(root)}: requires {one}, not =={wanted}"
            for one in requirements(project)
            if one.startswith("videossr") and not one.endswith(f"=={wanted}")
        ]
    return found


def version(project: Path) -> str:
    """The version of a distribution."""
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def write(new: str, root: Path = ROOT) -> None:
    """Set the version of all distributions, and what they ask of one another.

    Raises:
        ValueError: it is no version of a release.
    """
    if not _VERSION.fullmatch(new):
        raise ValueError(f"{new!r} is no version; write it as 0.2.0 or 0.2.0rc1")
    for project in projects(root):
        text = project.read_text(encoding="utf-8")
        head, table, rest = text.partition("[project]\n")
        fields, next_table, after = rest.partition("\n[")
        fields = _OWN.sub(f'version = "{new}"', fields, count=1)
        fields = _PINNED.sub(rf"\1=={new}", fields)
        project.write_text(f"{head}{table}{fields}{next_table}{after}", encoding="utf-8")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("version", nargs="?", help="to be set everywhere")
    new = parser.parse_args().version
    if new:
        write(new)
    if found := differences():
        raise SystemExit("\n".join(found))
    print(version(ROOT / "pyproject.toml"))


if __name__ == "__main__":
    main()
