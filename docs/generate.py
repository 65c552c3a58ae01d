"""Writes the pages that are made from the code: `python docs/generate.py`. A test compares them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.main import get_command

from videossr.cli.app import make_app
from videossr.config.schema import (
    BuildConfig,
    Entry,
    ModifierEntry,
    PluginsConfig,
    StoreConfig,
    TaskEntry,
    VideoConfig,
)
from videossr.extensions import extensions
from videossr.fields import fields_of
from videossr.registry import Registry
from videossr.schedules import Adaptive, Constant, Linear, Stepped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

DOCS = Path(__file__).parent

_INTRO = """# Configuration

One YAML tree. It may lie over others (`extends: tiny`, or a list, by preset name or path), and
`key=value` on the command line lies over all (`tasks.jigsaw.segments=4`). Values may refer to each
other (`${seed}`). A wrong configuration ends before any work with every mistake at once.

```yaml
extends: tiny
seed: 1
video: {num_frames: 16}
tasks:
  anomaly: {perturbations: {zoom_out: {}, mirror: {enabled: false}}}
  jigsaw: {enabled: false}
```

Presets: {presets}.

Where a default is written `easy / train / hard` the value follows the difficulty, in straight lines
through these three (difficulty 0, 0.5 and 1). In YAML write one number, which then holds at every
difficulty, or `{easy: 3, hard: 9}`, with `train` halfway unless it is given.

`seed` (default 0) is the root of all chance: every seed is a hash of it and of what it is for.

`requires` (default `[]`) lists packages that must be installed, as pip writes them
(`[videossr-jigsaw>=0.1]`).

"""

_SCHEDULES = """## Difficulty

Difficulty is one number from 0 (easy) to 1 (hard). Each task maps it to its own settings: those with
three defaults below. `videossr plugins show NAME` prints the mapping, and setting `{easy: 3, hard: 9}`
changes it. The `difficulty` of a task's entry is a number, a level (`easy`, `train`, `hard`: 0, 0.5, 1)
or a schedule. A task with a schedule of its own follows that instead.

```yaml
extends: tiny
tasks:
  anomaly: {difficulty: hard}
  counting: {difficulty: {kind: linear, start: easy, stop: hard, until: 0.8}}
  jigsaw: {difficulty: {kind: adaptive, target: [0.6, 0.95], window: 64}}
```

With `linear` and `stepped` the questions are built at the difficulty of their turn, and training keeps
their order. With `adaptive` training makes each question anew at the difficulty in force; the dataset
may have been built at any. Its state is part of every checkpoint.

"""


def configuration() -> str:
    """Every section and every field of the core, the extensions and the in-tree plugins."""
    from videossr.config import preset_names  # noqa: PLC0415 - reads the installed packages

    text = _INTRO.replace("{presets}", ", ".join(f"`{name}`" for name in preset_names()))
    text += _table("`plugins`", PluginsConfig)
    text += _table("`video`", VideoConfig) + _table("`store`", StoreConfig)
    text += _table("`build`", BuildConfig)
    for name, schema in extensions().sections().items():
        text += _table(f"`{name}`", schema)
    text += _table("`tasks.NAME`: every task", TaskEntry)
    text += _table("`tasks.NAME.perturbations.NAME`: every perturbation", Entry)
    text += _table("`modifiers.NAME`: every modifier", ModifierEntry)
    text += _SCHEDULES
    for schedule in (Constant, Linear, Stepped, Adaptive):
        kind = schedule.model_fields["kind"].default
        text += _table(f"`tasks.NAME.difficulty`, kind `{kind}`", schedule, skip=("kind",))
    registry = Registry()
    for kind, path in (
        ("task", "tasks"),
        ("perturbation", "tasks.NAME.perturbations"),
        ("modifier", "modifiers"),
    ):
        for origin in registry.origins():
            if origin.kind == kind and origin.distribution.startswith("videossr-"):
                schema = registry.schema(origin.name)
                text += _table(f"`{path}.{origin.name}`", schema, origin.summary)
    return text.rstrip() + "\n"


def commands() -> str:
    """Every command with its arguments, options and example, from its own help."""
    text = "# Commands\n\nExit codes: 0 done, 1 the work failed, 2 wrong use or configuration, 130 interrupted.\n\n"
    for path, command in _commands(get_command(make_app()), "videossr"):
        lines = (command.help or "").strip().splitlines()
        prose = "\n".join(line.strip() for line in lines if not line.startswith("Example:"))
        example = [line.removeprefix("Example: ") for line in lines if line.startswith("Example:")]
        text += f"## `{path}`\n\n{prose.strip()}\n\n```sh\n{example[0]}\n```\n\n"
        text += "| argument | default | meaning |\n| --- | --- | --- |\n"
        for parameter in command.params:
            if parameter.name != "help":
                text += _parameter(parameter)
        text += "\n"
    return text.rstrip() + "\n"


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - click or typer's copy of it
    for name, command in group.commands.items():
        here = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, here)
        else:
            yield here, command


def _parameter(parameter: Any) -> str:  # noqa: ANN401 - click or typer's copy of it
    if parameter.param_type_name == "argument":
        shown = parameter.metavar or parameter.name.upper()
        meaning = getattr(parameter, "help", None) or ""
    else:
        shown, meaning = ", ".join(parameter.opts), parameter.help or ""
    default = "required" if parameter.required else _shown_default(parameter.default)
    return f"| `{shown}` | {default} | {meaning} |\n"


def _shown_default(default: object) -> str:
    if callable(default) or default is None or default == [] or "UNSET" in repr(default).upper():
        return ""
    return "off" if default is False else f"`{default}`"


def _table(
    title: str, schema: type[BaseModel], summary: str = "", *, skip: tuple[str, ...] = ()
) -> str:
    text = f"## {title}\n\n" + (f"{summary}.\n\n" if summary else "")
    rows = [row for row in fields_of(schema) if row.name not in skip]
    if not rows:
        return text + "No settings.\n\n"
    text += "| field | takes | default | meaning |\n| --- | --- | --- | --- |\n"
    for row in rows:
        takes = f"{row.type}, {row.bounds}" if row.bounds else row.type
        default = row.default if row.default == "required" or row.levels else f"`{row.default}`"
        text += f"| `{row.name}` | {takes} | {default} | {row.meaning} |\n"
    return text + "\n"


PAGES = {"configuration.md": configuration, "commands.md": commands}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (DOCS / page).write_text(make(), encoding="utf-8")
        typer.echo(DOCS / page)
