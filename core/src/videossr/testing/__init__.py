"""The rules that every plugin has to keep, as checks to run over one's own.

In a plugin's tests:

    from videossr.testing import parametrize_with_checks

    @parametrize_with_checks("my_task")
    def test_conformance(check):
        check()

The same checks without pytest are `check_plugin("my_task")`. What they need of a plugin that has
required settings is its attribute `example`; `near_misses`, `answer_times` and `marks` make three of
them sharper.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videossr.testing.check import Check, Result
    from videossr.testing.examination import check_plugin, checks_for
    from videossr.testing.parametrize import parametrize_with_checks

__all__ = ["Check", "Result", "check_plugin", "checks_for", "parametrize_with_checks"]

# Loaded when first used: a process that finds out what a plugin's import costs starts in this package.
_HOMES = {
    "Check": "videossr.testing.check",
    "Result": "videossr.testing.check",
    "check_plugin": "videossr.testing.examination",
    "checks_for": "videossr.testing.examination",
    "parametrize_with_checks": "videossr.testing.parametrize",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)
