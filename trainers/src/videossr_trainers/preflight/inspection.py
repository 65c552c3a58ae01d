"""The order of the checks, and how several processes make them together.

What goes through the model is done by every process, on the same questions with the same chance, since
a model that is divided computes on all of them or not at all. Everything else the main process does
alone. Every finding is then known to every process, so that all of them end, or none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from videossr import VideossrError
from videossr.finding import Finding, NotPossible, worst
from videossr_trainers.preflight.disk import disk
from videossr_trainers.preflight.lengths import prompt_length, tokens
from videossr_trainers.preflight.loading import loader
from videossr_trainers.preflight.memory import memory
from videossr_trainers.preflight.parity import processor
from videossr_trainers.preflight.pixels import pixels
from videossr_trainers.preflight.questions import questions
from videossr_trainers.preflight.spread import rewards
from videossr_trainers.preflight.times import times
from videossr_trainers.processes import gathered, on_main

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videossr_trainers.preflight.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: as in its findings.
        make: makes it.
        after: checks without which it cannot be made.
        together: whether it goes through the model, which all processes do together.
    """

    name: str
    make: Callable[[Subject], Finding]
    after: tuple[str, ...] = ()
    together: bool = False


#: What must have passed before anything goes through the model.
_READS: Final = ("questions", "processor", "tokens")

#: Checks for which the loaded model is enough.
OF_THE_DATA: Final = (
    Check("questions", questions),
    Check("processor", processor, ("questions",)),
    Check("tokens", tokens, ("questions",)),
    Check("times", times, ("questions",)),
    Check("prompt length", prompt_length, ("questions",)),
    Check("disk", disk),
)

#: Checks of the trainer, as it is before the first step.
OF_THE_TRAINER: Final = (
    Check("memory", memory, ("questions",)),
    Check("pixels", pixels, (*_READS, "memory"), together=True),
    Check("rewards", rewards, (*_READS, "memory"), together=True),
    Check("loader", loader, (*_READS, "pixels", "rewards")),
)


def inspect(
    subject: Subject, checks: Sequence[Check], before: Sequence[Finding] = ()
) -> list[Finding]:
    """Make checks in turn; the same findings on every process.

    Args:
        before: findings of earlier checks.
    """
    findings: list[Finding] = []
    for check in checks:
        failed = {one.check for one in (*before, *findings) if one.state in ("fault", "skipped")}
        missing = [name for name in check.after if name in failed]
        if missing:
            why = f"not made, since {missing[0]!r} did not pass"
            findings.append(Finding(check.name, "skipped", why))
            continue
        findings.append(_made(subject, check))
    return findings


def _made(subject: Subject, check: Check) -> Finding:
    if check.together or check.name == "questions":  # which shares out what it rendered
        return worst(*gathered([_timed(subject, check)]))
    return on_main(lambda: _timed(subject, check))


def _timed(subject: Subject, check: Check) -> Finding:
    since = time.monotonic()
    try:
        finding = check.make(subject)
    except NotPossible as error:
        finding = Finding(check.name, "skipped", f"not made: {error}")
    except Exception as error:  # noqa: BLE001 - a step would meet the same error, and worse
        said = (
            str(error) if isinstance(error, VideossrError) else f"{type(error).__name__}: {error}"
        )
        finding = Finding(
            check.name,
            "fault",
            " ".join(said.split()) or type(error).__name__,
            "a training step would meet the same",
            "mend it, or leave the preflight out by grpo.preflight=false",
        )
    return replace(finding, seconds=time.monotonic() - since)
