"""What a check is, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getdoc
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from videossr.testing.subject import Subject

Outcome = Literal["passed", "failed", "expected", "unexpected"]


class BrokenRule(Exception):  # noqa: N818 - what was found, which is no fault of the kit
    """A plugin breaks a rule; the message says what was found and what is right."""


class Hopeless(BrokenRule):
    """A rule is broken in such a way that the checks after it have nothing to look at."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, and how it is looked into.

    Attributes:
        id: its name, for test ids and for `expected_failures`.
        rule: what holds of a plugin that keeps it, in one line.
        run: looks into it; returns a remark, often empty, or raises `BrokenRule`.
        gate: whether the checks after it may depend on it.
    """

    id: str
    rule: str
    run: Callable[[Subject], str]
    gate: bool = False

    @classmethod
    def of(cls, run: Callable[[Subject], str], *, gate: bool = False) -> Self:
        """The check that a function makes: called like it, its docstring's first paragraph the rule."""
        rule = " ".join((getdoc(run) or "").partition("\n\n")[0].split())
        return cls(run.__name__, rule, run, gate)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check.

    Attributes:
        check: its id.
        outcome: `expected` is a failure for which a reason was given; `unexpected` is a check that
            passed though it was to fail, which counts as a failure.
        detail: what was found and what is right; of a check that passed a remark, or nothing.
    """

    check: str
    outcome: Outcome
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether it came as it should."""
        return self.outcome in ("passed", "expected")
