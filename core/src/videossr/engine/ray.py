"""Processes on the machines of a Ray cluster. They need the same packages, and the same folders mounted.

A process that dies begins anew, elsewhere if its machine is gone, and what it had in hand is done again.
"""

from __future__ import annotations

import math
import os
import platform
from collections import deque
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import ConfigError, Mistake, VideossrError
from videossr.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence

    from videossr.engine.protocol import Each, Work

#: Most pieces that are handed to a process at a time.
_MOST: Final = 32

#: How often pieces are tried at which a process dies; they may be what it dies of.
_TRIES: Final = 3

#: Variables of the environment that processes elsewhere need too: ours, and where models are. Tokens are not
#: among them, for Ray shows these to whoever sees the cluster.
_TAKEN: Final = frozenset({"HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"})
_PREFIX: Final = "VIDEOSSR_"

#: How long a cluster may take until the first process is there, in seconds.
_PATIENCE: Final = 300


class WorkerDied(VideossrError):  # noqa: N818 - what happened
    """Processes have died at the same pieces again and again, or none has begun."""


class Ray:
    """The engine for many machines: that which `RAY_ADDRESS` names, or this one, in processes.

    Args:
        workers: processes; None for one on each core of the cluster.
        models: whether there is a model in each: then None is for one on each GPU, if there are any, and a
            process has a GPU for itself, with its share of the cores. More processes than GPUs share them.

    Raises:
        ConfigError: Ray is not installed.
    """

    def __init__(self, workers: int | None = None, *, models: bool = False) -> None:
        if find_spec("ray") is None:
            problem = "needs Ray, which is not installed"
            right = install_command("videossr-core[ray]")
            raise ConfigError(Mistake("--engine ray", problem, right))
        self.workers = workers
        self.models = models

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
            _connect(ray, None if self.models else self.workers)
        count, needs = self._places([node["Resources"] for node in ray.nodes() if node["Alive"]])
        actor = ray.remote(**needs, max_restarts=-1, max_task_retries=_TRIES)(_Place)
        sent = ray.put(work)
        places = [actor.remote([sent]) for _ in range(count)]

        def each(items: Iterable[Any]) -> Generator[tuple[Any, Any]]:
            return _each(ray, places, items, together)

        try:
            yield each
        finally:
            for place in places:
                ray.kill(place)
            if own:
                ray.shutdown()

    def _places(self, machines: Sequence[Mapping[str, float]]) -> tuple[int, dict[str, float]]:
        """How many processes there are to be, and what each takes.

        Args:
            machines: what each of the cluster has: of `CPU` and `GPU` so many.

        Raises:
            ConfigError: there is no room for so many.
        """
        cores, gpus = (int(sum(one.get(kind, 0) for one in machines)) for kind in ("CPU", "GPU"))
        if not self.models or not gpus:
            count, needs = self.workers or max(1, cores), {"num_cpus": 1.0}
        else:
            count = self.workers or gpus
            sharing = math.ceil(count / gpus)  # a process has its part on one GPU
            each = min(one.get("CPU", 0) / one["GPU"] for one in machines if one.get("GPU"))
            # Ray counts parts of a GPU in ten-thousandths.
            needs = {
                "num_cpus": float(max(1, int(each / sharing))),
                "num_gpus": int(10_000 / sharing) / 10_000,
            }
        room = sum(_room(machine, needs) for machine in machines)
        if self.workers is None:
            count = min(count, room) or 1
        if count > room:
            wanted = ", ".join(f"{much:g} {what}" for what, much in needs.items())
            problem = f"{count} processes of {wanted} do not fit into the cluster"
            right = f"at most {room}" if room else "it needs more cores, or machines"
            raise ConfigError(Mistake("--workers", problem, right))
        return count, needs


def _room(machine: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """How many processes a machine takes; of each GPU's parts those that are whole."""
    found = [int(machine.get("CPU", 0) // needs["num_cpus"])]
    if "num_gpus" in needs:
        found.append(int(machine.get("GPU", 0)) * int(1 / needs["num_gpus"]))
    return min(found)


class _Place:
    """A process that works."""

    def __init__(self, sent: Sequence[Any]) -> None:
        self._sent = sent
        self._begun = ExitStack()  # ended with the process
        self._do: Callable[[Any], Any] | None = None

    def there(self) -> None:
        """Answer."""

    def do(self, items: Sequence[Any]) -> list[Any] | VideossrError:
        """Results; or the first error of ours, which Ray would wrap into one of its own."""
        try:
            if self._do is None:
                self._do = self._begun.enter_context(_taken(self._sent).begin())
            return [self._do(item) for item in items]
        except VideossrError as error:
            return error


def _taken(sent: Sequence[Any]) -> Work[Any, Any]:
    """The work that was sent; in a list, so that it is read here and not on the way.

    Raises:
        ConfigError: a package of it is not here, or a plugin.
    """
    ray = import_module("ray")
    try:
        found: Work[Any, Any] = ray.get(sent[0])
    except ray.exceptions.RaySystemError as error:
        said = str(error).strip().splitlines()[0].removeprefix("System error: ")
        problem = f"on the machine {platform.node()}: {said}"
        right = "every machine needs the same packages and plugins"
        raise ConfigError(Mistake("--engine ray", problem, right)) from error
    return found


def _connect(ray: Any, workers: int | None) -> None:  # noqa: ANN401 - the module
    address = os.environ.get("RAY_ADDRESS")
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_PREFIX) or name in _TAKEN
    }
    settings: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(
            address=address or "local",  # or it would join one that was begun here for others
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
    idle: deque[Any] = deque()
    starting = {place.there.remote(): place for place in places}
    running: dict[Any, tuple[Any, Sequence[Any]]] = {}
    try:
        while waiting or running:
            while waiting and idle:
                place, parcel = idle.popleft(), waiting.popleft()
                running[place.do.remote(parcel)] = place, parcel
            patience = None if running else _PATIENCE
            finished = _next(ray, [*running, *(starting if waiting else ())], patience)
            if finished in starting:
                idle.append(starting.pop(finished))
                continue
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


def _next(ray: Any, waited: Sequence[Any], patience: float | None) -> Any:  # noqa: ANN401 - Ray's
    """Whatever is over first.

    Raises:
        WorkerDied: nothing is, for so many seconds.
    """
    finished, _ = ray.wait(waited, num_returns=1, timeout=patience)
    if not finished:
        raise WorkerDied(
            f"--engine ray: no process has begun in {patience} s; other work has the cores, or GPUs, of the "
            "cluster: see `ray status`, end it, or try again later"
        )
    return finished[0]


def _parcels(
    items: Iterable[Any], together: Callable[[Any], Hashable], places: int
) -> Iterator[Sequence[Any]]:
    """Pieces that belong together, not so many at a time that a place would be idle at the end."""
    every = list(items)
    most = max(1, min(_MOST, len(every) // (4 * places)))
    for _, group in groupby(every, key=together):
        alike = list(group)
        yield from (alike[start : start + most] for start in range(0, len(alike), most))
