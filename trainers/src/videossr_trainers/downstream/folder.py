"""The folder of a run that goes on where it stopped, and that no other run is written into."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from videossr.atomic import UNFINISHED
from videossr.errors import ConfigError, Mistake
from videossr_trainers.pages.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def claim(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make a run's folder, or take up the one that an earlier run with the same settings has left.

    Args:
        folder: of the run.
        settings: plain JSON values that the result depends on.

    Raises:
        ConfigError: there is something else, or a run with other settings; each is named.
    """
    path = folder / "settings.json"
    if path.is_file():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            theirs = None
        if not isinstance(theirs, dict):
            theirs = {}
        ours = json.loads(json.dumps(settings))
        other = [
            Mistake(str(folder), f"holds a run with {name} {theirs.get(name)!r}; here {value!r}")
            for name, value in ours.items()
            if theirs.get(name) != value
        ]
        if other:
            right = "give another folder by -o, or remove this one"
            last = other[-1]
            raise ConfigError([*other[:-1], Mistake(last.where, last.problem, right)])
        return
    if folder.exists() and (
        not folder.is_dir()
        # A kill may leave the settings half written.
        or any(not path.name.endswith(UNFINISHED) for path in folder.iterdir())
    ):
        right = "give another by -o, or remove this one"
        raise ConfigError(Mistake(str(folder), "exists already, and is no run", right))
    write_json(path, settings)
