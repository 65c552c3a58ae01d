"""Where work is done: results with their pieces, errors as they are, and nothing after the end."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import closing, contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from videossr import ConfigError, VideoError
from videossr.cli.engines import EngineName, engine_of
from videossr.engine import Local
from videossr.engine.ray import Ray, WorkerDied, _connect, _parcels
from videossr.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Squares:
    """Work that squares numbers, and knows when it is begun and ended."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.told: list[str] = []
        self.threads: set[int] = set()

    @contextmanager
    def begin(self) -> Iterator[Callable[[int], int]]:
        """As `Work.begin`."""
        self.told.append("begun")
        try:
            yield self._square
        finally:
            self.told.append("ended")

    def _square(self, number: int) -> int:
        self.threads.add(threading.get_ident())
        self.told.append("did")
        time.sleep(0.002)
        if number == self.fails_at:
            raise VideoError("a.mp4", "no_frames", "nothing in it")
        return number**2


def by_ten(number: int) -> int:
    """What is done together."""
    return number // 10


@pytest.mark.parametrize("workers", [1, 3])
def test_every_piece_has_its_result(workers: int) -> None:
    """Once each, in so many threads, between a beginning and an end; twice, if there is more to do."""
    work = Squares()
    with Local(workers).at(work, together=by_ten) as each:
        assert {n: n**2 for n in range(50)} == dict(each(range(50)))
        assert {7: 49} == dict(each([7]))
    assert ("begun", "ended") == (work.told[0], work.told[-1])
    assert work.told.count("did") == 51
    assert 1 <= len(work.threads) <= workers


def test_an_error_is_that_of_the_work() -> None:
    """As it was raised; what has not begun is let go."""
    work = Squares(fails_at=3)
    with (
        pytest.raises(VideoError, match="nothing in it"),
        Local(2).at(work, together=by_ten) as each,
    ):
        list(each(range(1000)))
    assert work.told[-1] == "ended"
    assert work.told.count("did") < 50


def test_whoever_stops_listening_ends_it() -> None:
    """The rest is let go."""
    work = Squares()
    with Local(2).at(work, together=by_ten) as each, closing(each(range(1000))) as results:
        next(results)
    assert work.told.count("did") < 50


def test_fewer_than_one_thread_is_refused() -> None:
    """Before any work."""
    with pytest.raises(ConfigError, match="workers: 0; must be at least 1"):
        Local(0)


@pytest.mark.parametrize(("pieces", "places"), [(0, 2), (1, 2), (95, 2), (1000, 3)])
def test_pieces_that_are_alike_stay_together(pieces: int, places: int) -> None:
    """In order, none twice; no parcel of two kinds, and none so large that places would be idle."""
    parcels = list(_parcels(range(pieces), by_ten, places))
    assert [number for parcel in parcels for number in parcel] == list(range(pieces))
    assert all(len({by_ten(number) for number in parcel}) == 1 for parcel in parcels)
    if pieces >= 4 * places:
        assert len(parcels) >= 4 * places


def test_ray_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed the command that does so is told."""
    monkeypatch.setattr("videossr.engine.ray.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"--engine ray: needs Ray.*videossr-core\[ray\]"):
        engine_of(EngineName.RAY, None)


@pytest.mark.parametrize(
    ("workers", "models", "machines", "right"),
    [
        (None, False, [{"CPU": 8.0}, {"CPU": 4.0, "GPU": 1.0}], (12, {"num_cpus": 1})),
        (3, False, [{"CPU": 8.0}], (3, {"num_cpus": 1})),
        (None, True, [{"CPU": 8.0}], (8, {"num_cpus": 1})),
        # A machine without a GPU has no place, and its cores are in no share.
        (
            None,
            True,
            [{"CPU": 96.0, "GPU": 8.0}, {"CPU": 64.0}],
            (8, {"num_cpus": 12, "num_gpus": 1}),
        ),
        (
            None,
            True,
            [{"CPU": 96.0, "GPU": 8.0}, {"CPU": 16.0, "GPU": 4.0}],
            (12, {"num_cpus": 4, "num_gpus": 1}),
        ),
        (2, True, [{"CPU": 96.0, "GPU": 8.0}], (2, {"num_cpus": 12, "num_gpus": 1})),
        (6, True, [{"CPU": 8.0, "GPU": 2.0}], (6, {"num_cpus": 1, "num_gpus": 0.3333})),
        # A part of a GPU lies on one: five on two are three on one of them.
        (5, True, [{"CPU": 8.0, "GPU": 2.0}], (5, {"num_cpus": 1, "num_gpus": 0.3333})),
        (3, True, [{"CPU": 8.0, "GPU": 2.0}], (3, {"num_cpus": 2, "num_gpus": 0.5})),
        # Where there are fewer cores than GPUs, some of these are left.
        (None, True, [{"CPU": 2.0, "GPU": 4.0}], (2, {"num_cpus": 1, "num_gpus": 1})),
    ],
)
def test_models_have_gpus(
    workers: int | None,
    models: bool,
    machines: list[dict[str, float]],
    right: tuple[int, dict[str, float]],
) -> None:
    """A process for each GPU, with as many cores as every machine has for one; without models, or GPUs, a core."""
    pytest.importorskip("ray", reason="Ray is an extra, and is not installed")
    assert right == Ray(workers, models=models)._places(machines)


@pytest.mark.parametrize(
    ("workers", "models", "machines", "told"),
    [
        (9, False, [{"CPU": 8.0}], "9 processes of 1 num_cpus do not fit.*; at most 8"),
        (5, True, [{"CPU": 2.0, "GPU": 4.0}], "5 processes of 1 num_cpus, 0.5 num_gpus.*at most 2"),
    ],
)
def test_more_processes_than_fit_are_refused(
    workers: int, models: bool, machines: list[dict[str, float]], told: str
) -> None:
    """Before they would wait for one another's cores without end."""
    pytest.importorskip("ray", reason="Ray is an extra, and is not installed")
    with pytest.raises(ConfigError, match=f"--workers: {told}"):
        Ray(workers, models=models)._places(machines)


def test_what_is_taken_along_holds_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray shows it to whoever sees the cluster."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    for name in ("HF_TOKEN", "HF_WRITE_TOKEN", "HF_HOME", "VIDEOSSR_CACHE"):
        monkeypatch.setenv(name, "x")
    told: dict[str, Any] = {}
    _connect(SimpleNamespace(init=lambda **options: told.update(options)), 3)
    taken = told["runtime_env"]["env_vars"]
    assert {"HF_HOME", "VIDEOSSR_CACHE"} <= taken.keys()
    assert not [name for name in taken if "TOKEN" in name]
    assert ("local", 3) == (told["address"], told["num_cpus"])


def test_an_engine_by_its_name() -> None:
    """With the workers that are given."""
    local = engine_of(EngineName.LOCAL, 3)
    assert isinstance(local, Local)
    assert local.workers == 3


# Ray itself, on a cluster of two processes of this machine


@pytest.fixture(scope="module")
def ray() -> Iterator[Ray]:
    """An engine of two processes."""
    module = pytest.importorskip("ray", reason="Ray is an extra, and is not installed")
    # Tests are no package that a process elsewhere could import.
    module.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    module.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield Ray(2)
    module.shutdown()


class Cubes:
    """Work that can be sent elsewhere; it dies once at a number, and fails at another."""

    def __init__(self, dies_at: int = -1, once: str = "", fails_at: int = -1) -> None:
        self.dies_at, self.once, self.fails_at = dies_at, once, fails_at

    @contextmanager
    def begin(self) -> Iterator[Callable[[int], int]]:
        """As `Work.begin`."""
        yield self._cube

    def _cube(self, number: int) -> int:
        import os  # noqa: PLC0415 - where it is done
        import signal  # noqa: PLC0415
        from pathlib import Path  # noqa: PLC0415

        if number == self.dies_at and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if number == self.fails_at:
            raise VideoError("a.mp4", "no_frames", "nothing in it")
        return number**3


class Never:
    """Work that cannot begin."""

    @contextmanager
    def begin(self) -> Iterator[Callable[[int], int]]:
        """As `Work.begin`."""
        raise ConfigError(Mistake("model", "is not there"))
        yield abs


class Stranger(Cubes):
    """Work whose package is on this machine alone."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Where it is read a module is imported."""
        return import_module, ("of_this_machine",)


@pytest.mark.slow
def test_ray_does_the_same(ray: Ray) -> None:
    """Every piece, once."""
    with ray.at(Cubes(), together=by_ten) as each:
        assert {n: n**3 for n in range(40)} == dict(each(range(40)))


@pytest.mark.slow
def test_a_process_that_dies_begins_anew(ray: Ray, tmp_path: Path) -> None:
    """Killed in the middle; what it had in hand is done again, and nothing is missing or twice."""
    once = tmp_path / "died"
    with ray.at(Cubes(dies_at=17, once=str(once)), together=by_ten) as each:
        results = list(each(range(40)))
    assert once.exists()
    assert sorted(results) == [(n, n**3) for n in range(40)]


@pytest.mark.slow
def test_what_processes_always_die_of_is_named(ray: Ray) -> None:
    """After some tries, rather than never to end."""
    with (
        pytest.raises(WorkerDied, match=r"^5: processes died 4 times"),
        ray.at(Cubes(dies_at=5), together=lambda number: number) as each,
    ):
        list(each([5]))


@pytest.mark.slow
def test_work_that_cannot_begin_says_why(ray: Ray) -> None:
    """As it was raised, once."""
    with (
        pytest.raises(ConfigError, match="model: is not there"),
        ray.at(Never(), together=by_ten) as each,
    ):
        list(each(range(40)))


@pytest.mark.slow
def test_work_that_cannot_be_read_there_says_so(ray: Ray) -> None:
    """As where a plugin's package is missing."""
    with (
        pytest.raises(ConfigError, match=r"No module named 'of_this_machine'.*the same packages"),
        ray.at(Stranger(), together=by_ten) as each,
    ):
        list(each(range(40)))


@pytest.mark.slow
def test_nothing_waits_for_ever_for_a_cluster_that_others_use(
    ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No core is free; after a while that is said."""
    with ray.at(Cubes(), together=by_ten) as first:
        assert len(list(first(range(40)))) == 40
        monkeypatch.setattr("videossr.engine.ray._PATIENCE", 3)
        with (
            pytest.raises(WorkerDied, match="no process has begun in 3 s"),
            ray.at(Cubes(), together=by_ten) as each,
        ):
            list(each(range(10)))


@pytest.mark.slow
def test_an_error_elsewhere_is_that_of_the_work(ray: Ray) -> None:
    """With its facts, not wrapped into one of Ray's."""
    with (
        pytest.raises(VideoError, match="nothing in it") as error,
        ray.at(Cubes(fails_at=3), together=by_ten) as each,
    ):
        list(each(range(40)))
    assert ("a.mp4", "no_frames") == (error.value.path, error.value.reason)
