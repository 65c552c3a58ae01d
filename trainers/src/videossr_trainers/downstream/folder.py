"""The folder of a run that goes on where it stopped, and that no other run is written into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from videossr.atomic import UNFINISHED
from videossr.errors import ConfigError, Mistake
from videossr_trainers.pages.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The answers of a run, and what it ends with.
ANSWERS: Final = "answers.jsonl"
RESULTS: Final = "results.json"

_SETTINGS: Final = "settings.json"

#: Settings that are called otherwise where a user gives them.
_SPELT: Final = {
    "dataset": "the dataset",
    "right_from": "--right",
    "video.fps": "--fps",
    "video.max_pixels": "--max-pixels",
    "video.num_frames": "--num-frames",
}

#: Settings that follow from another: where that differs too, there is no more to be said.
_FOLLOWS: Final = {"video.min_pixels": "video.max_pixels", "questions": "dataset"}


def claim(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make a run's folder, or take up the one that an earlier run with the same settings has left.

    A run that has no answer yet leaves its folder to any other: all that would be lost is a mistake.

    Args:
        folder: of the run.
        settings: plain JSON values that the result depends on.

    Raises:
        ConfigError: there is something else, or a run with other settings; each is named.
    """
    path = folder / _SETTINGS
    if path.is_file():
        ours, theirs = json.loads(json.dumps(settings)), _read(path)
        if not any(_differing(theirs, ours)):  # one that is not there is as good as null
            return
        if _has_answers(folder):
            _refuse_other(folder, theirs, ours)
    elif folder.exists() and (
        not folder.is_dir()
        # A kill may leave the settings half written.
        or any(not path.name.endswith(UNFINISHED) for path in folder.iterdir())
    ):
        right = "give another by -o, or remove this one"
        raise ConfigError(Mistake(str(folder), "exists already, and is no run", right))
    write_json(path, settings)


def _read(path: Path) -> dict[str, Any]:
    """The settings in a file; none where it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _has_answers(folder: Path) -> bool:
    """Whether a run has answers, or has ended without one."""
    answers = folder / ANSWERS
    if (folder / RESULTS).exists():
        return True
    if not answers.exists():
        return False
    with answers.open("rb") as file:
        return len(list(islice(file, 2))) > 1  # the first line is there before any answer


def _refuse_other(folder: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raise `ConfigError` with everything in which settings differ."""
    right = "give another folder by -o, or remove this one"
    if not theirs:
        raise ConfigError(Mistake(str(folder / _SETTINGS), "is damaged", right))
    if theirs.get("kind") != ours["kind"]:  # all else differs with it
        problem = f"holds a run of {_command(theirs.get('kind'))}; this is {_command(ours['kind'])}"
        raise ConfigError(Mistake(str(folder), problem, right))
    other = {name: values for name, *values in _differing(theirs, ours)}
    mistakes = [
        Mistake(str(folder), _difference(name, *values))
        for name, values in other.items()
        if _FOLLOWS.get(name) not in other
    ]
    raise ConfigError(mistakes, f"{folder} holds a run with other settings; {right}")


def _differing(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], within: str = ""
) -> Iterator[tuple[str, object, object]]:
    """Name and both values of each setting that differs, also of those within another."""
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = theirs.get(name), ours.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(one, other, f"{within}{name}.")
        elif one != other:
            yield f"{within}{name}", one, other


def _difference(name: str, theirs: object, ours: object) -> str:
    if name == "questions":  # a digest says nothing to a reader
        return "the questions are others: it is another list, or the list has changed since"
    spelt = name if "." in name else f"--{name.replace('_', '-')}"
    return f"{_SPELT.get(name, spelt)} is {_shown(theirs)} in the folder, {_shown(ours)} here"


def _shown(value: object) -> str:
    if value is None:
        return "not given"
    return value if isinstance(value, str) else json.dumps(value)


def _command(kind: object) -> str:
    return "`videossr diagnose`" if kind == "diagnose" else f"`videossr eval {kind}`"
