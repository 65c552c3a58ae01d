"""Which model a run began with, where an earlier version has not noted its content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def with_content(facts: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """The facts of a run with the content of the model that it names, as the exam before it has that.

    Args:
        facts: as `run.json` has them; as they are where they note the content, or the run makes its model.
        output: the folder of all runs.
    """
    config = facts["config"]
    makes_its_model = facts.get("warm_start", True)
    if makes_its_model or "content" in config["model"]:
        return dict(facts)
    content = _examined(output / facts["places"]["before"] / "run.json")
    if content is None:
        return dict(facts)
    return {**facts, "config": {**config, "model": config["model"] | {"content": content}}}


def _examined(exam: Path) -> str | None:
    """The content of the model that was asked, as `identity.content_of` says it; None where it is not known."""
    try:
        model = json.loads(exam.read_text(encoding="utf-8"))["model"]
        base: str = model["model"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if base.endswith("@None"):
        return None
    return f"{model['adapter']} on {base}" if "adapter" in model else base
