"""Do the loader's workers make questions as quickly as the step asks them?"""

from __future__ import annotations

import time
from statistics import fmean
from typing import TYPE_CHECKING, Final

from videossr.finding import Finding, NotPossible
from videossr.threads import core_count
from videossr.wording import counted
from videossr_trainers.sections import GrpoSection

if TYPE_CHECKING:
    from videossr_trainers.preflight.subject import Subject

#: Of what the workers make, the share that the step may ask without ever waiting.
_TIGHT: Final = 0.8


def loader(subject: Subject) -> Finding:
    """Questions made in a second against questions asked in a second."""
    if not (subject.seconds_of_rendering and subject.seconds_of_rollouts):
        raise NotPossible("no step was measured")
    grpo = subject.config.section(GrpoSection)
    since = time.monotonic()
    subject.encoder.encode([asked.sample for asked in subject.asked])
    encoding = (time.monotonic() - since) / len(subject.asked)
    # Workers render; the step's own process encodes.
    render = fmean(subject.seconds_of_rendering)
    step = subject.seconds_of_rollouts + subject.seconds_of_loss + encoding
    processes = subject.going.accelerator.num_processes
    workers = grpo.loader_workers
    figures = {"render_s": render, "step_s": step, "encode_s": encoding, "workers": workers}
    said = f"a question takes {1000 * render:.0f} ms to make and {1000 * step:.0f} ms to train on"
    if not workers:
        share = render / (render + step)
        return Finding(
            "loader",
            "warning" if share > 1 - _TIGHT else "ok",
            f"{said}; without workers the step waits {100 * share:.0f} % of its time",
            "while the step waits for data, the device does nothing",
            f"set grpo.loader_workers={_enough(render, step)}" if share > 1 - _TIGHT else "",
            figures,
        )
    made, asked = workers / render, 1 / step
    said += (
        f"; {counted(workers, 'worker')} can make {made:.1f} a second for each process, the step asks "
        f"{asked:.1f}"
    )
    if asked <= _TIGHT * made:
        return Finding("loader", "ok", said, "the step does not wait for data", "", figures)
    enough, cores = _enough(render, step), core_count()
    right = f"set grpo.loader_workers={enough}"
    if enough * processes > cores:
        right += (
            f" if there were cores for them ({cores} here); `videossr store` decodes the clips once"
        )
    return Finding("loader", "warning", said, "the step will wait for data", right, figures)


def _enough(render: float, step: float) -> int:
    return max(1, -int(-render / (step * _TIGHT) // 1))
