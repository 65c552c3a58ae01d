"""A page as one HTML file that refers to nothing outside of itself."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, Environment, FunctionLoader, StrictUndefined

from videossr_trainers.pages.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.intervals import Interval

_PARTS = "parts.html.jinja"


def write_page(path: Path, package: str, template: str, **values: object) -> Path:
    """Write a page. Texts that it shows are never interpreted.

    Args:
        path: where to; an older file is replaced in one step.
        package: in which the template lies.
        template: its name; it may import `parts.html.jinja`.
        values: what it shows.
    """

    def source(name: str) -> str:
        return _text("videossr_trainers.pages" if name == _PARTS else package, name)

    page = _environment(FunctionLoader(source)).get_template(template)
    style = _text("videossr.gallery", "gallery.css") + _text("videossr_trainers.pages", "pages.css")
    script = _text("videossr.gallery", "gallery.js")
    write_whole(path, page.render(style=style, script=script, **values))
    return path


def _environment(loader: BaseLoader) -> Environment:
    # Every text is untrusted: what a model said, what a list or a file is called.
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["seconds"] = "{:.2f}".format
    environment.filters["score"] = score
    environment.filters["ends"] = _ends
    environment.filters["percent"] = percent
    return environment


def score(value: float) -> str:
    """A value x 100, with one digit behind the point."""
    return f"{100 * value:.1f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage, with a digit behind the point where it is small."""
    value = 100 * share
    digits = 0 if value in {0, 100} or value >= 10 else 1  # noqa: PLR2004 - two digits are enough
    return f"{value:.{digits}f}\N{NO-BREAK SPACE}%"


def _ends(interval: Interval) -> str:
    """The ends of an interval x 100, in brackets."""
    return f"[{score(interval.low)}, {score(interval.high)}]"


def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text("utf-8")
