"""What a launcher starts: how many processes, and whether a step's questions can be shared out among them.

It is asked before the first stage is begun, since GRPO, which would refuse, comes after hours of others.

    LAUNCHER -m videossr_trainers.ablations.launched    # each process says how many there are
"""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Final

from accelerate.utils import get_int_from_env

from videossr.errors import ConfigError, Mistake
from videossr_trainers.engine.batches import check_rows
from videossr_trainers.sections import GrpoSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videossr_trainers.ablations.variants import Variant

#: What MPI and torch's launchers call the number of processes, as accelerate knows them.
_NAMES: Final = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")

#: What each process says.
_SAID: Final = "videossr processes: "

#: Lines of a launcher's output that an error shows.
_SHOWN: Final = 12


def refuse_uneven(variants: Iterable[Variant], launcher: Sequence[str]) -> None:
    """Refuse runs whose steps cannot be shared out among the processes of a launcher.

    Raises:
        ConfigError: with every one of them and its arithmetic; or the launcher does not start Python.
    """
    processes = process_count(launcher)
    mistakes = [
        Mistake(f"{one.name}: {mistake.where}", mistake.problem, mistake.right)
        for one in {one.name: one for one in variants}.values()
        for mistake in _uneven(one.config.section(GrpoSection), processes)
    ]
    if mistakes:
        raise ConfigError(mistakes)


def process_count(launcher: Sequence[str]) -> int:
    """How many processes a launcher starts.

    Raises:
        ConfigError: it fails, or starts none of ours.
    """
    command = [*launcher, "-m", "videossr_trainers.ablations.launched"]
    done = subprocess.run(  # noqa: S603 - what the user gives, with our own words
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    said = [int(number) for number in re.findall(f"{_SAID}(\\d+)", done.stdout)]
    if done.returncode or not said:
        ends = "\n".join((done.stdout + done.stderr).splitlines()[-_SHOWN:])
        problem = (
            f"`{shlex.join(command)}` ended with {done.returncode}, and its output with\n{ends}"
        )
        raise ConfigError(
            Mistake("--launcher", problem, "give words that start Python, as `accelerate launch`")
        )
    return max(said)


def _uneven(grpo: GrpoSection, processes: int) -> Sequence[Mistake]:
    """What is wrong with a step's questions; GRPO that takes no step needs none."""
    if grpo.max_steps == 0:
        return ()
    n = grpo.num_generations
    try:
        check_rows(
            rows_per_device=grpo.questions_per_device * n,
            rows_per_step=grpo.questions_per_step * n,
            group=n,
            processes=processes,
            questions=grpo.questions_per_step,
        )
    except ConfigError as error:
        return error.mistakes
    return ()


if __name__ == "__main__":
    print(f"{_SAID}{get_int_from_env(_NAMES, 1)}", flush=True)  # noqa: T201 - for who asked
