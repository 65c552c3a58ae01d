"""All checks of a machine, in turn; one that fails itself is reported, and keeps none from being made."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from videossr.doctor.decoders import pyav, torchcodec
from videossr.doctor.gpu import gpu
from videossr.doctor.hub import hub
from videossr.doctor.packages import packages, plugins
from videossr.doctor.room import disk, locks, open_files, shared_memory
from videossr.extensions import extensions
from videossr.finding import Finding, NotPossible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Check = Callable[[], Finding]


def examine(folder: Path, *, network: bool) -> Iterator[Finding]:
    """What each check finds, as it is made: the core's, and then those of the installed extensions.

    Args:
        folder: where the work is to be done.
        network: whether the model hub may be asked for.
    """
    yield from findings(
        [
            ("packages", packages),
            ("plugins", plugins),
            ("PyAV", pyav),
            ("torchcodec", torchcodec),
            ("GPU", gpu),
            ("disk", lambda: disk(folder)),
            ("locks", lambda: locks(folder)),
            ("shared memory", shared_memory),
            ("open files", open_files),
            ("hub", lambda: hub(network=network)),
            *extensions().checks().items(),
        ]
    )


def findings(checks: Sequence[tuple[str, Check]]) -> Iterator[Finding]:
    """What some checks find, under their names."""
    for name, check in checks:
        began = time.perf_counter()
        found = _made(check)
        yield replace(found, check=name, seconds=time.perf_counter() - began)


def _made(check: Check) -> Finding:
    try:
        return check()
    except NotPossible as reason:
        return Finding("", "skipped", str(reason))
    except Exception as error:  # noqa: BLE001 - a broken library may raise anything
        said = str(error).strip().splitlines() or [""]
        return Finding(
            "",
            "fault",
            f"{type(error).__name__}: {said[0]}",
            "the check itself failed, which none should",
            "see whether what it names is installed whole; otherwise report it",
        )
