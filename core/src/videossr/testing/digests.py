"""What a plugin makes, as hashes, here and in another process."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import Unsuitable
from videossr.levels import LEVELS
from videossr.perturbations import Perturbations
from videossr.sample import Sample, question_prompt
from videossr.testing.check import BrokenRule
from videossr.testing.clips import CLIPS, textured
from videossr.testing.settings import PERTURBATION
from videossr.testing.subject import Draw, alter, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.facades import Perturbation, Task
    from videossr.testing.subject import Subject

#: Seconds after which another process is given up.
_PATIENCE_S: Final[float] = 300

_DRAWS: Final = tuple(
    Draw(seed % CLIPS, difficulty, 1000 + seed)
    for seed in range(2 * CLIPS)
    for difficulty in LEVELS.values()
)


def digests_of(subject: Subject) -> list[str]:
    """Hashes of some samples, or of some altered clips, or of both around which a modifier lies."""
    match subject.origin.kind:
        case "task":
            return _samples(subject.task)
        case "perturbation":
            return _alterations(subject.perturbation)
        case _:
            task, altering = subject.modified()
            return _samples(task) + _alterations(altering)


def alteration(altering: Perturbation, clip: Clip, seed: int, number: int | None = None) -> str:
    """What tells an alteration from another: a hash of its frames, or why there is none.

    Args:
        altering, clip, seed, number: as for `alter`.
    """
    try:
        frames = alter(altering, clip, seed, number=number)
    except Unsuitable as reason:
        return f"unsuitable: {reason}"
    return digest_of(frames, seed if number is None else number)


def digest_of(frames: Tensor, seed: int) -> str:
    """A hash of a clip's altered frames."""
    clip = textured(seed % CLIPS).with_frames(frames)
    return Sample(question_prompt(None), (clip,), "none").digest()


def digests_elsewhere(subject: Subject) -> list[str]:
    """The hashes that another process finds, in which sets are ordered differently.

    Raises:
        BrokenRule: the plugin does not work there.
    """
    if _companion().ended:
        _companion.cache_clear()
    return _found(_companion().ask(_request(subject, "digests")))


def heavy_imports(subject: Subject) -> list[str]:
    """Which of torch and NumPy a process holds that has imported the plugin's module and no more.

    Raises:
        BrokenRule: the plugin does not work there.
    """
    process = _Process()
    try:
        return _found(process.ask(_request(subject, "imports")))
    finally:
        process.end()


def _samples(task: Task) -> list[str]:
    return [outcome(task, draw) for draw in _DRAWS]


def _alterations(altering: Perturbation) -> list[str]:
    seeds = range(1000, 1000 + 2 * CLIPS)
    return [alteration(altering, textured(seed % CLIPS), seed) for seed in seeds]


def _request(subject: Subject, what: str) -> dict[str, Any]:
    """A question about the subject to another process, in its words."""
    origins = [subject.origin, *(one.origin for one in _drawn_from(subject))]
    return {
        "what": what,
        "name": subject.name,
        "points": {origin.name: origin.module for origin in origins if not origin.loose},
        "files": [origin.distribution for origin in origins if origin.loose],
        "path": sys.path,
    }


def _found(reply: Mapping[str, Any]) -> list[str]:
    if "error" in reply:
        raise BrokenRule(f"in another process: {reply['error']}")
    found: list[str] = reply["found"]
    return found


def _drawn_from(subject: Subject) -> Iterator[Perturbation]:
    for _, value in subject.config:
        if isinstance(value, Perturbations):
            yield from (one for one in value if one.name != PERTURBATION)


class _Process:
    """A process that looks at plugins, `python -m videossr.testing.elsewhere`."""

    def __init__(self) -> None:
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        path = os.pathsep.join(place or os.getcwd() for place in sys.path)  # noqa: PTH109 - text
        # Not `with`: it outlives this call.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "videossr.testing.elsewhere"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
        )
        self.ended = False
        atexit.register(self.end)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a request; one with `error` where the process gave none."""
        process = self._process
        assert process.stdin and process.stdout  # noqa: S101, PT018 - pipes, as asked for
        line, late = "", Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = Timer(_PATIENCE_S, give_up)
        timer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
            if not line:  # nor will it be of use again, if this was an interruption
                process.kill()
                self.end()
        if not line and late.is_set():
            return {"error": f"it gave no answer in {_PATIENCE_S:g} s"}
        if not line:
            return {"error": f"it ended with status {process.returncode} and no word"}
        reply: dict[str, Any] = json.loads(line)
        return reply

    def end(self) -> None:
        """Let it end, and wait until it has."""
        if not self.ended:
            self.ended = True
            atexit.unregister(self.end)
            self._process.communicate()  # which closes the pipes, too


@cache
def _companion() -> _Process:
    """The process that finds digests; importing torch takes it seconds, so there is one for all."""
    return _Process()
