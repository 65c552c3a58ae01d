"""Writing a package from templates, all of it or nothing."""

from __future__ import annotations

import keyword
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec
from string import Template
from typing import TYPE_CHECKING, Final, Literal

from videossr.atomic import making
from videossr.discovery import NAME
from videossr.errors import ConfigError, Mistake
from videossr.vetting import NAME_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

PluginKind = Literal["task", "perturbation", "modifier"]

#: Templates of every kind of plugin, and where in the package each goes.
_COMMON: Final = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "init.py": "src/${package}/__init__.py",
}

#: Templates of one kind.
_OWN: Final = {"plugin.py": "src/${package}/${name}.py", "test.py": "tests/test_${name}.py"}

#: How a configuration turns a plugin of the kind on.
_ENTRIES: Final = {
    "task": "tasks: {$name: {weight: 1}}",
    "perturbation": "tasks:\n  anomaly: {perturbations: {$name: {}}}",
    "modifier": "modifiers: {$name: {}}",
}


def create(name: str, kind: PluginKind, folder: Path, *, taken: Collection[str] = ()) -> Path:
    """Write the package `videossr-NAME` into a folder.

    Args:
        name: the plugin's.
        kind: what it is to be.
        folder: where the package's own folder is made.
        taken: names that plugins have already.

    Returns:
        The package's folder.

    Raises:
        ConfigError: a name that cannot be one or belongs to a package that is installed, or a folder
            that is there already.
    """
    distribution, package = f"videossr-{name.replace('_', '-')}", f"videossr_{name}"
    _refuse(name, taken)
    _refuse_hiding(distribution, package)
    target = folder / distribution
    if target.exists():
        right = "choose another name or folder; nothing is overwritten"
        raise ConfigError(Mistake(str(target), "exists already", right))
    stem = "".join(word.capitalize() for word in name.split("_"))
    words = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "kind": kind,
        # Its kind at the end, so that no name hides what the module imports, such as Sample.
        "cls": f"{stem}{kind.capitalize()}",
        "stem": stem,
        "package": package,
        "distribution": distribution,
        "core": version("videossr-core"),
    }
    words["entry"] = Template(_ENTRIES[kind]).substitute(words)
    written = {
        Template(path).substitute(words): _template(kind, source).substitute(words)
        for source, path in (_COMMON | _OWN).items()
    }
    written[f"src/{package}/py.typed"] = ""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(Mistake(str(folder), "is no folder", "choose another"))
    with making(target) as draft:
        for path, text in written.items():
            file = draft / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return target


def _template(kind: PluginKind, source: str) -> Template:
    templates = files("videossr.scaffold") / "templates"
    file = templates / (kind if source in _OWN else ".") / f"{source}.tmpl"
    return Template(file.read_text(encoding="utf-8"))


def _refuse(name: str, taken: Collection[str]) -> None:
    if not NAME.fullmatch(name):
        raise ConfigError(Mistake(name, "is no name for a plugin", NAME_IN_WORDS))
    if keyword.iskeyword(name):
        right = "its module could not be imported; choose another"
        raise ConfigError(Mistake(name, "is a word of Python", right))
    if name.endswith("_"):
        right = "must not end in an underscore, which no package's name may"
        raise ConfigError(Mistake(name, "is no name for a package", right))
    if name in taken:
        right = "choose another; two plugins of one name are in conflict"
        raise ConfigError(Mistake(name, "is the name of an installed plugin", right))


def _refuse_hiding(distribution: str, package: str) -> None:
    """Refuse a package that would take the place of another, of ours or of whomever."""
    right = "choose another name; installing the new package would replace it"
    try:
        problem = f"is installed already, version {version(distribution)}"
    except PackageNotFoundError:
        pass
    else:
        raise ConfigError(Mistake(distribution, problem, right))
    if find_spec(package):
        raise ConfigError(Mistake(package, "is a package that can be imported already", right))
