"""Packages that add commands, sections of the configuration, presets and checks of the machine.

They have an entry-point group of their own, so that `videossr --help` need not import every task.
One that fails is left out with a warning, and the rest work.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from videossr.discovery import origin_of
from videossr.origin import SECTIONS
from videossr.vetting import misfit, plugin_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import typer
    from pydantic import BaseModel

    from videossr.finding import Finding
    from videossr.origin import Origin

COMMANDS_GROUP: Final = "videossr.commands"


class Extensions:
    """The installed extensions, in the order of their names.

    Attributes:
        faults: what went wrong with any of them so far.
    """

    def __init__(self) -> None:
        self.faults: Final[list[str]] = []
        self._loaded: Final[list[tuple[Origin, Any]]] = []
        for point in sorted(entry_points(group=COMMANDS_GROUP), key=lambda point: point.name):
            origin = origin_of(point)
            try:
                plugin = point.load()
                if problem := misfit(plugin):
                    raise TypeError(problem)  # noqa: TRY301 - told as an error of its import
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
                self._leave_out(origin, f"importing {point.value}", error)
            else:
                self._loaded.append((origin, plugin))

    def register_commands(self, app: typer.Typer) -> None:
        """Add the commands of all extensions."""
        for _ in self._results("register_commands", lambda done: done, app=app):
            pass

    def sections(self) -> dict[str, type[BaseModel]]:
        """The sections of all extensions, each with its schema; of two with one name, the first."""
        return self._merged(
            "register_sections", "section", dict, dict.fromkeys(SECTIONS, "the core")
        )

    def presets(self) -> dict[str, Path]:
        """The files of all presets by name, sorted; of two with one name, the first."""

        def files(folder: Path) -> dict[str, Path]:
            if not folder.is_dir():
                raise NotADirectoryError(f"{folder} is no folder of presets")
            return {file.stem: file for file in sorted(folder.glob("*.yaml"))}

        return dict(sorted(self._merged("register_presets", "preset", files).items()))

    def checks(self) -> dict[str, Callable[[], Finding]]:
        """The checks of the machine that extensions add; of two with one name, the first."""
        return self._merged("register_checks", "check", dict)

    def _merged(
        self,
        hook: str,
        what: str,
        entries: Callable[[Any], dict[str, Any]],
        taken: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        bringers = dict(taken)
        for origin, result in self._results(hook, entries):
            for name, value in result.items():
                if name in bringers:
                    self._warn(
                        f"{what} {name!r} of {origin.bringer} left out: "
                        f"{bringers[name]} has one of that name"
                    )
                else:
                    merged[name], bringers[name] = value, origin.bringer
        return merged

    def _results(
        self, hook: str, read: Callable[[Any], Any], **arguments: object
    ) -> Iterator[tuple[Origin, Any]]:
        """What each extension answers, as it is read; one that fails is left out with a warning."""
        for origin, plugin in self._loaded:
            manager = plugin_manager()  # of its own, so that it is known whose answer is whose
            manager.register(plugin)
            try:
                results = [read(answer) for answer in getattr(manager.hook, hook)(**arguments)]
            except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
                self._leave_out(origin, f"its hook {hook!r}", error)
            else:
                yield from ((origin, result) for result in results)

    def _leave_out(self, origin: Origin, what: str, error: BaseException) -> None:
        self._warn(
            f"commands of {origin.distribution} left out: {what} raised "
            f"{type(error).__name__}: {error}"
        )

    def _warn(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)
            warnings.warn(fault, stacklevel=4)


@cache
def extensions() -> Extensions:
    """The installed extensions, loaded once."""
    return Extensions()
