"""The card of a dataset: what a reader who finds its folder wants to know."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import jinja2
import yaml

from videossr.markdown import fenced, plain

if TYPE_CHECKING:
    from typing import Any

    from videossr.build.building import Summary
    from videossr.dataset import Header


def card(name: str, summary: Summary, header: Header) -> str:
    """The text of a dataset's README, in Markdown.

    Args:
        name: of the dataset.
        summary: what was built.
        header: what the dataset says of itself.
    """
    tasks: dict[str, dict[str, Any]] = header.config["tasks"]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("videossr.build", ""),
        autoescape=False,  # noqa: S701 - Markdown; strangers' texts go through `plain`
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "fenced": fenced, "quoted": shlex.quote}
    return environment.get_template("card.md.jinja").render(
        name=name,
        summary=summary,
        times=times(summary),
        plugin_of=lambda task: tasks[task].get("plugin", task),
        schedule_of=lambda task: _schedule(tasks[task]["difficulty"]),
        part=header.config["build"]["part"],
        held_out=header.config["build"]["held_out"],
        left_out=header.left_out,
        plugins=header.plugins,
        config=yaml.safe_dump(dict(header.config), sort_keys=False),
    )


def times(summary: Summary) -> str:
    """How often each video is asked about, in words."""
    least, most = summary.asked
    if most == 1:
        return "once"
    return f"{least} times" if least == most else f"{least} to {most} times"


def _schedule(difficulty: object) -> str:
    if isinstance(difficulty, dict):
        if "at" in difficulty:
            return str(difficulty["at"])
        kind = difficulty.get("kind", "")
        rest = ", ".join(f"{name} {value}" for name, value in difficulty.items() if name != "kind")
        return f"{kind}: {rest}"
    return str(difficulty)
