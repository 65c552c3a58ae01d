"""A page as one HTML file that refers to nothing outside of itself."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

from jinja2 import BaseLoader, Environment, FunctionLoader, StrictUndefined

from videossr.errors import ConfigError, Mistake
from videossr.gallery.policy import policy, scripts_of
from videossr.intervals import TOO_FEW
from videossr_trainers.pages.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from videossr.intervals import Interval

_PARTS: Final = "parts.html.jinja"

#: The gallery's, with what figures need beside it.
_STYLES: Final = (("videossr.gallery", "gallery.css"), ("videossr_trainers.pages", "pages.css"))

#: By which a page of ours is told from other files, and the bytes at its start where that has to stand.
_GENERATOR: Final = '<meta name="generator" content="videossr">'
_HEAD: Final = 1024


def write_page(
    path: Path,
    package: str,
    template: str,
    *,
    styles: Sequence[tuple[str, str]] = _STYLES,
    filters: Mapping[str, Callable[..., object]] | None = None,
    **values: object,
) -> Path:
    """Write a page. Texts that it shows are never interpreted.

    Args:
        path: where to; missing folders are made, an older file is replaced in one step.
        package: in which the template lies.
        template: its name; it may import `parts.html.jinja`.
        styles: package and name of each style sheet, later ones over earlier ones.
        filters: of the template, beside those that every page has.
        values: what it shows.

    Returns:
        The path.
    """

    def source(name: str) -> str:
        return _text("videossr_trainers.pages" if name == _PARTS else package, name)

    environment = _environment(FunctionLoader(source))
    environment.filters |= filters or {}
    script = _text("videossr.gallery", "gallery.js")
    page = environment.get_template(template).render(
        generator=_GENERATOR,
        policy=policy(*scripts_of(source(template), script)),
        style="".join(_text(*style) for style in styles),
        script=script,
        **values,
    )
    write_whole(path, page)
    return path


def claim_page(path: Path) -> tuple[Path, Path]:
    """Make sure that a page and the files beside it take the place of none but those of such a page.

    Whoever writes them writes the page first, so that after a kill the next one knows them again.

    Args:
        path: of the HTML.

    Returns:
        The JSON and CSV files that go beside it.

    Raises:
        ConfigError: the name is that of a file beside a page, or there is another file under one of the
            names.
    """
    as_json, as_csv = path.with_suffix(".json"), path.with_suffix(".csv")
    if path.suffix.lower() in {".json", ".csv"}:
        right = f"name the page, such as {path.with_suffix('.html')}; JSON and CSV go beside it"
        raise ConfigError(Mistake(str(path), "is the name of a file beside the page", right))
    if not _is_page(path):
        right = "choose another name for the page, or remove this file"
        there = [name for name in (path, as_json, as_csv) if name.exists()]
        if there:
            raise ConfigError(
                [Mistake(str(name), "exists already, and is no report", right) for name in there]
            )
    return as_json, as_csv


def _is_page(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _GENERATOR.encode() in file.read(_HEAD)


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
    environment.filters["ends"] = ends
    environment.filters["signed"] = signed
    environment.filters["percent"] = percent
    return environment


def score(value: float) -> str:
    """A value x 100, with one digit behind the point."""
    return _plain(100 * value, 1)


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage, with a digit behind the point where it is small."""
    value = 100 * share
    digits = 0 if value in {0, 100} or value >= 10 else 1  # noqa: PLR2004 - two digits are enough
    return f"{value:.{digits}f}\N{NO-BREAK SPACE}%"


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign, a true minus, and none for zero."""
    text = f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if float(f"{value:.{digits}f}") == 0 else text


def ends(interval: Interval, *, times: float = 100, digits: int = 1, sign: bool = False) -> str:
    """The ends of an interval in brackets, or why there is none.

    Args:
        times: what they are multiplied by.
        digits: behind the point.
        sign: whether a plus is shown too, as for differences.
    """
    if interval.ends is None:
        return TOO_FEW
    shown = signed if sign else _plain
    low, high = (shown(times * end, digits) for end in interval.ends)
    return f"[{low}, {high}]"


def _plain(value: float, digits: int) -> str:
    """A number with a true minus."""
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text("utf-8")
