"""Packages that a configuration pins."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement

from videossr.installing import install_command


def unmet(text: str) -> tuple[str, str] | None:
    """What is wrong with a requirement such as `videossr-jigsaw>=1.2`, and what to do; None if it is met."""
    try:
        wanted = Requirement(text)
    except InvalidRequirement as error:
        return f"{text!r} is no requirement: {str(error).splitlines()[0]}", "write name>=version"
    if wanted.marker is not None and not wanted.marker.evaluate():
        return None
    right = install_command(text)
    try:
        installed = version(wanted.name)
    except PackageNotFoundError:
        return f"{wanted.name} is not installed", right
    if wanted.specifier.contains(installed, prereleases=True):
        return None
    return f"{wanted.name} {installed} is installed, {text} is required", right
