"""Running the checks over a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videossr.errors import ConfigError, Mistake, did_you_mean
from videossr.registry import Registry
from videossr.testing import of_any_plugin, of_modifiers, of_perturbations, of_rewards, of_tasks
from videossr.testing.check import BrokenRule, Hopeless, Result
from videossr.testing.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videossr.origin import Kind
    from videossr.testing.check import Check

_CHECKS: Final[Mapping[Kind, tuple[Check, ...]]] = {
    "task": of_any_plugin.CHECKS + of_tasks.MAKING + of_rewards.GRADING,
    "perturbation": of_any_plugin.CHECKS + of_perturbations.CHECKS,
    "modifier": of_any_plugin.CHECKS + of_modifiers.CHECKS,
}


def checks_for(kind: Kind) -> tuple[Check, ...]:
    """The checks of plugins of a kind, in the order in which they are run.

    Raises:
        KeyError: the kind is unknown.
    """
    return _CHECKS[kind]


def check_plugin(
    name: str,
    *,
    registry: Registry | None = None,
    expected_failures: Mapping[str, str] = {},
) -> list[Result]:
    """Run every check over a plugin.

    Args:
        name: the plugin's.
        registry: where to find it, and the perturbations that tasks draw from; by default the
            installed plugins.
        expected_failures: ids of checks that are known to fail, each with the reason why.

    Returns:
        One result for each check, in order. Where a check finds that there is nothing for the others
        to look at, it is the last.

    Raises:
        ConfigError: the plugin is unknown or does not work, or an expected failure is that of no
            check or has no reason.
    """
    return Examination(name, registry or Registry(), expected_failures).results()


class Examination:
    """The checks of one plugin, each run at most once.

    Args:
        name: the plugin's.
        registry: where it was found.
        expected: ids of checks that are known to fail, with reasons.

    Raises:
        ConfigError: as `check_plugin` does.
    """

    def __init__(self, name: str, registry: Registry, expected: Mapping[str, str]) -> None:
        self.checks: Final = _checks_of(name, registry)
        _refuse_unknown(expected, self.checks)
        self.expected: Final = expected
        self._subject: Final = Subject(registry, name)
        self._results: Final[dict[str, Result]] = {}
        self._hopeless = ""  # the id of the check that found the rest hopeless

    def results(self) -> list[Result]:
        """The results of all checks, in order, as far as there is hope."""
        return [result for check in self.checks if isinstance(result := self.run(check), Result)]

    def run(self, check: Check) -> Result | str:
        """The result of a check, or the id of one before it that leaves it nothing to look at."""
        if check.id in self._results:
            return self._results[check.id]
        for before in self.checks[: self.checks.index(check)]:
            if before.gate and not self._hopeless:
                self.run(before)
        if self._hopeless:
            return self._hopeless
        self._results[check.id] = result = self._look_into(check)
        return result

    def _look_into(self, check: Check) -> Result:
        expected = check.id in self.expected
        try:
            remark = check.run(self._subject)
        except BrokenRule as broken:
            found = str(broken)
            if isinstance(broken, Hopeless):
                self._hopeless = check.id
        except Exception as error:  # noqa: BLE001 - a stranger's plugin may raise anything
            name = type(error).__name__
            found = str(error) if name == "PluginError" else f"raised {name}: {error}"
        else:
            if expected:
                reason = self.expected[check.id]
                return Result(check.id, "unexpected", f"passed, and was to fail: {reason}")
            return Result(check.id, "passed", remark)
        found = " ".join(found.splitlines())
        if expected:
            return Result(check.id, "expected", f"{self.expected[check.id]}: {found}")
        return Result(check.id, "failed", found)


def _checks_of(name: str, registry: Registry) -> tuple[Check, ...]:
    if name not in registry.names:
        raise ConfigError(
            Mistake(name, "no installed plugin has this name", registry.nearest(name))
        )
    origin = registry.origin(name)
    if origin.state != "enabled":
        problem = f"plugin of {origin.bringer} is {origin.standing}"
        raise ConfigError(Mistake(name, problem, origin.problem))
    return checks_for(origin.kind)


def _refuse_unknown(expected: Mapping[str, str], checks: tuple[Check, ...]) -> None:
    ids = [check.id for check in checks]
    mistakes = []
    for given, reason in expected.items():
        where = f"expected_failures.{given}"
        if given not in ids:
            right = f"{did_you_mean(given, ids)} checks are {', '.join(ids)}".lstrip()
            mistakes.append(Mistake(where, "is no check", right))
        elif not reason.strip():
            mistakes.append(Mistake(where, "has no reason", "say why it fails"))
    if mistakes:
        raise ConfigError(mistakes)
