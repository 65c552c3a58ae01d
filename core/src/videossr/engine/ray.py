"""Processes on the machines of a Ray cluster. They need the same packages, and the same folders mounted.

A process that dies begins anew, elsewhere if its machine is gone, and what it had in hand is done again.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import ConfigError, Mistake, VideossrError
from videossr.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence

    from videossr.engine.protocol import Each, Work

#: Most pieces that are handed to a process at a time.
_MOST: Final = 32

#: How often pieces are tried at which a process dies; they may be what it dies of.
_TRIES: Final = 3

#: Variables of the environment that processes elsewhere need too.
_PREFIX: Final = "VIDEOSSR_"


class WorkerDied(VideossrError):  # noqa: N818 - what happened
    """Processes have died at the same pieces again and again."""


class Ray:
    """The engine for many machines: that which `RAY_ADDRESS` names, or this one, in processes.

    Args:
        workers: processes; None for one on each core of the cluster.

    Raises:
        ConfigError: Ray is not installed.
    """

    def __init__(self, workers: int | None = None) -> None:
        if find_spec("ray") is None:
            problem = "needs Ray, which is not installed"
            right = install_command("videossr-core[ray]")
            raise ConfigError(Mistake("--engine ray", problem, right))
        self.workers = workers

    @contextmanager
    def at(
        self, work: Work[Any, Any], *, together: Callable[[Any], Hashable]
    ) -> Iterator[Each[Any, Any]]:
        """As `Engine.at`.

        Raises:
            ConfigError: there is no cluster at the address.
        """
        ray = import_module("ray")
        own = not ray.is_initialized()
        if own:
            _connect(ray, self.workers)
        count = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        actor = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=_TRIES)(_Place)
        places = [actor.remote(work) for _ in range(count)]

        def each(items: Iterable[Any]) -> Generator[tuple[Any, Any]]:
            return _each(ray, places, items, together)

        try:
            yield each
        finally:
            for place in places:
                ray.kill(place)
            if own:
                ray.shutdown()


class _Place:
    """A process that works."""

    def __init__(self, work: Work[Any, Any]) -> None:
        self._begun = work.begin()  # ended with the process
        self._do = self._begun.__enter__()

    def do(self, items: Sequence[Any]) -> list[Any] | VideossrError:
        """Results; or the first error of ours, which Ray would wrap into one of its own."""
        try:
            return [self._do(item) for item in items]
        except VideossrError as error:
            return error


def _connect(ray: Any, workers: int | None) -> None:  # noqa: ANN401 - the module
    address = os.environ.get("RAY_ADDRESS")
    variables = {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}
    settings: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"env_vars": variables} if variables else None,
            **settings,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        problem = f"no cluster at {address!r}: {said[0]}" if address else said[0]
        right = "`ray start --head` begins one, and prints its address; without RAY_ADDRESS it is this machine"
        raise ConfigError(Mistake("--engine ray", problem, right)) from error


def _each(
    ray: Any,  # noqa: ANN401 - the module
    places: Sequence[Any],
    items: Iterable[Any],
    together: Callable[[Any], Hashable],
) -> Generator[tuple[Any, Any]]:
    waiting = deque(_parcels(items, together, len(places)))
    idle = deque(places)
    running: dict[Any, tuple[Any, Sequence[Any]]] = {}
    try:
        while waiting or running:
            while waiting and idle:
                place, parcel = idle.popleft(), waiting.popleft()
                running[place.do.remote(parcel)] = place, parcel
            (finished, *_), _ = ray.wait([*running], num_returns=1)
            place, parcel = running.pop(finished)
            idle.append(place)
            try:
                results = ray.get(finished)
            except ray.exceptions.RayActorError as error:
                raise WorkerDied(
                    f"{together(parcel[0])}: processes died {_TRIES + 1} times at {len(parcel)} pieces of "
                    "work beginning with this; leave it out, or, if memory ran out, give fewer --workers"
                ) from error
            if isinstance(results, VideossrError):
                raise results
            yield from zip(parcel, results, strict=True)
    finally:
        for one in running:
            ray.cancel(one, force=False)


def _parcels(
    items: Iterable[Any], together: Callable[[Any], Hashable], places: int
) -> Iterator[Sequence[Any]]:
    """Pieces that belong together, not so many at a time that a place would be idle at the end."""
    every = list(items)
    most = max(1, min(_MOST, len(every) // (4 * places)))
    for _, group in groupby(every, key=together):
        alike = list(group)
        yield from (alike[start : start + most] for start in range(0, len(alike), most))
