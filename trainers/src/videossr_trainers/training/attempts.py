"""At which commits of our own code something was made: a run that is stopped may go on with another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def attempts_of(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attempts at a run or a stage, in order, each with its `commit`.

    Args:
        facts: of it, as a file has them. Older ones have one commit at most, and no attempts.
    """
    if "attempts" in facts:
        return list(facts["attempts"])
    return [{"commit": facts["commit"]}] if facts.get("commit") else []


def commits_of(facts: Mapping[str, Any]) -> list[str]:
    """The commits of a run or a stage, each once, sorted; none where an older version made it."""
    each = {facts.get("commit"), *(attempt["commit"] for attempt in attempts_of(facts))}
    return sorted(commit for commit in each if commit)
