"""The checks as pytest's tests, one each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videossr.errors import ConfigError
from videossr.registry import Registry
from videossr.testing.examination import Examination

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from videossr.errors import Mistake
    from videossr.testing.check import Check


class CheckFailed(AssertionError):  # noqa: N818 - what pytest shows in front of the message
    """A plugin does not pass a check."""


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """A check of one plugin, to be called in a test."""

    name: str
    check: Check
    examination: Examination

    def __call__(self) -> None:
        """Run it.

        Raises:
            CheckFailed: the plugin breaks the rule.
            pytest.skip.Exception: an earlier check found that there is nothing to look at.
        """
        import pytest  # noqa: PLC0415 - a part of the tests of who calls this, not of the project

        __tracebackhide__ = True
        result = self.examination.run(self.check)
        if isinstance(result, str):
            pytest.skip(f"there is nothing to look at, as {result} found")
        if result.outcome in ("failed", "expected"):
            raise CheckFailed(f"{self.name}: {result.detail}\n({self.check.id}: {self.check.rule})")


def parametrize_with_checks(
    *names: str,
    registry: Registry | None = None,
    expected_failures: Mapping[str, str] = {},
) -> pytest.MarkDecorator:
    """A decorator that runs a test for every check of some plugins.

    The test takes an argument `check` and calls it. Its ids are `NAME-CHECK`. A check that is expected to
    fail is marked `xfail`, strictly: the test fails once it passes.

    Args:
        names: the plugins'.
        registry: where to find them; by default the installed plugins.
        expected_failures: ids of checks that are known to fail, of each of these plugins, with reasons.

    Raises:
        ConfigError: as `check_plugin` does, with the mistakes about all the plugins.
    """
    import pytest  # noqa: PLC0415 - as above

    where = registry or Registry()
    parameters = []
    mistakes: list[Mistake] = []
    for name in names:
        try:
            examination = Examination(name, where, expected_failures)
        except ConfigError as error:
            mistakes += error.mistakes
            continue
        for check in examination.checks:
            bound = BoundCheck(name, check, examination)
            marks = []
            if check.id in expected_failures:
                reason = expected_failures[check.id]
                marks.append(pytest.mark.xfail(reason=reason, strict=True, raises=CheckFailed))
            parameters.append(pytest.param(bound, id=f"{name}-{check.id}", marks=marks))
    if mistakes:
        raise ConfigError(mistakes)
    return pytest.mark.parametrize("check", parameters)
