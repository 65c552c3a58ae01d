"""Timing: how often each hook of each plugin is called, and how long it takes.

For example `jigsaw.make_sample.calls` 512, `jigsaw.make_sample.seconds` 3.1 and
`jigsaw.make_sample.slowest` 0.02. A task's time includes that of the perturbations that it calls.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from videossr import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator

    from videossr import HookCall

Hook = Literal["make_sample", "perturb", "reward", "difficulty_schedule"]


class TimingConfig(BaseModel):
    """What is measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hooks: Annotated[tuple[Hook, ...], Field(min_length=1, description="the hooks to measure")] = (
        "make_sample",
        "perturb",
        "reward",
        "difficulty_schedule",
    )


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    seconds: float = 0.0
    slowest: float = 0.0


class Stopwatch:
    """The wrappers of one run, and what they measured. Threads may share one."""

    def __init__(self, hooks: tuple[Hook, ...]) -> None:
        self._hooks = frozenset(hooks)
        self._tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
        self._lock = Lock()

    def _timed(self, call: HookCall) -> Generator[None, Any, Any]:
        started = perf_counter()
        try:
            return (yield)
        finally:  # a clip that will not do took its time too
            took = perf_counter() - started
            if call.hook in self._hooks:
                with self._lock:
                    tally = self._tallies[call.plugin, call.hook]
                    tally.calls += 1
                    tally.seconds += took
                    tally.slowest = max(tally.slowest, took)

    @hookimpl(wrapper=True)
    def make_sample(self, call: HookCall) -> Generator[None, Any, Any]:
        """The sample, timed."""
        return (yield from self._timed(call))

    @hookimpl(wrapper=True)
    def perturb(self, call: HookCall) -> Generator[None, Any, Any]:
        """The frames, timed."""
        return (yield from self._timed(call))

    @hookimpl(wrapper=True)
    def reward(self, call: HookCall) -> Generator[None, Any, Any]:
        """The score, timed."""
        return (yield from self._timed(call))

    @hookimpl(wrapper=True)
    def difficulty_schedule(self, call: HookCall) -> Generator[None, Any, Any]:
        """The difficulty, timed."""
        return (yield from self._timed(call))

    def measurements(self) -> dict[str, float]:
        """Calls, seconds in all, and seconds of the slowest, as `plugin.hook.figure`."""
        with self._lock:
            return {
                f"{plugin}.{hook}.{figure}": float(getattr(tally, figure))
                for (plugin, hook), tally in sorted(self._tallies.items())
                for figure in ("calls", "seconds", "slowest")
            }


class Timing:
    """The modifier `timing`."""

    Config = TimingConfig
    summary = "Measure how long each hook of each plugin takes"
    version = "1"

    @hookimpl
    def make_modifier(self, config: TimingConfig) -> Stopwatch:
        """Wrappers for one run."""
        return Stopwatch(config.hooks)


plugin = Timing()
