"""Whether a step's questions can be shared out among the processes that a launcher starts.

It is asked before the first stage is begun, since GRPO, which would refuse, comes after hours of others.
"""

from __future__ import annotations

import shlex
import subprocess
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from videossr.errors import ConfigError, Mistake
from videossr_trainers.ablations.family import kill
from videossr_trainers.engine.batches import check_rows
from videossr_trainers.sections import GrpoSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videossr_trainers.ablations.processes import Tell
    from videossr_trainers.ablations.variants import Variant

#: Lines of a launcher's output that an error shows.
_SHOWN: Final = 20

#: Before the frames of a traceback.
_TRACEBACK: Final = "Traceback (most recent call last)"

#: Seconds in which a launcher is to have started its processes; one that waits for other machines may not.
_PATIENCE: Final = 120.0


def refuse_uneven(variants: Iterable[Variant], launcher: Sequence[str], tell: Tell) -> None:
    """Refuse runs whose steps cannot be shared out among the processes of a launcher.

    Args:
        variants: those that have steps of GRPO to take; where there are none, nobody is asked.
        tell: told that the launcher is asked, and that it says nothing if it does.

    Raises:
        ConfigError: with every one of them and its arithmetic; or the launcher fails.
    """
    trained = {
        one.name: grpo
        for one in variants
        if (grpo := one.config.section(GrpoSection)).max_steps != 0
    }
    if not trained:
        return
    tell("asking the launcher how many processes it starts")
    processes = process_count(launcher)
    if processes is None:
        tell("it does not say; whether a step can be shared out among them is not checked yet")
        return
    mistakes = [
        Mistake(f"{name}: {mistake.where}", mistake.problem, mistake.right)
        for name, grpo in trained.items()
        for mistake in _uneven(grpo, processes)
    ]
    if mistakes:
        raise ConfigError(mistakes)


def process_count(launcher: Sequence[str]) -> int | None:
    """How many processes a launcher starts; None where none of them wrote so to this machine.

    Raises:
        ConfigError: it fails.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "world"
        command = [*launcher, "-m", "videossr_trainers.ablations.world", str(file)]
        with subprocess.Popen(  # noqa: S603 - what the user gives, with our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                kill(process)
                return None
            except BaseException:
                kill(process)
                raise
        if process.returncode:
            cause = _cause(said.decode("utf-8", "replace").splitlines())
            problem = f"`{shlex.join(command)}` failed with exit code {process.returncode}, {cause}"
            right = "give words that start Python, such as `accelerate launch`, and that work by themselves"
            raise ConfigError(Mistake("--launcher", problem, right))
        return int(file.read_text(encoding="utf-8")) if file.exists() else None


def _cause(lines: Sequence[str]) -> str:
    """What a launcher says of a failure: the first traceback, behind which it may say much; or its end."""
    if not lines:
        return "and said nothing"
    begins = next((at for at, line in enumerate(lines) if _TRACEBACK in line), None)
    if begins is None:
        return "\n".join(["saying", *lines[-_SHOWN:]])
    # Some put the process in front of every line.
    process = lines[begins].partition(_TRACEBACK)[0]
    after = (line.removeprefix(process) for line in lines[begins + 1 :])
    frames = sum(1 for _ in takewhile(lambda line: line[:1].isspace(), after))
    # What was raised stands below the frames, and it is what is wanted.
    return "\n".join(["saying", *lines[begins : begins + frames + 2][-_SHOWN:]])


def _uneven(grpo: GrpoSection, processes: int) -> Sequence[Mistake]:
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
