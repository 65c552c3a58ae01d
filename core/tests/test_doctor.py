"""Each thing that a machine may lack, simulated: it is told, with what to do about it."""

from __future__ import annotations

import json
import resource
import shutil
from collections import namedtuple
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

import av
import pytest
import torch
from filelock import FileLock

from videossr.cli.app import main
from videossr.doctor import decoders, gpu, hub, packages, room
from videossr.doctor.examination import findings
from videossr.finding import Finding, NotPossible
from videossr.origin import Origin, State
from videossr.registry import Registry
from videossr.video import available_backends

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GIB = 2**30

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's


# Packages and plugins


def installed(monkeypatch: pytest.MonkeyPatch, *some: tuple[str, str, list[str]]) -> None:
    """Let these be the distributions that there are: name, version, requirements."""
    stand_ins = [
        SimpleNamespace(name=name, version=version, requires=needs) for name, version, needs in some
    ]
    monkeypatch.setattr(packages, "distributions", lambda: stand_ins)


def test_packages_that_fit_together() -> None:
    """As they are installed here."""
    found = packages.packages()
    assert found.state == "ok"
    assert torch.__version__.split("+")[0] in found.measured
    assert "videossr-core" in found.figures["versions"]


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ("torch>=99", "is installed, torch>=99 is required"),
        ("no-such-package>=1", "no-such-package is not installed"),
    ],
)
def test_a_requirement_that_is_not_met(
    needs: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package that has it, and the command that mends it; extras are nobody's fault."""
    installed(monkeypatch, ("videossr-core", "1.0", [needs, "no-such-extra; extra == 'ray'"]))
    found = packages.packages()
    assert found.state == "fault"
    assert found.measured.startswith(f"videossr-core 1.0 needs {needs}: ")
    assert told in found.measured
    assert f"install '{needs}'" in found.remedy
    assert "no-such-extra" not in found.measured


def test_parts_of_different_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others' versions are their own."""
    some = ("videossr-core", "1.0", []), ("videossr-trainers", "1.1", []), ("torch", "2.0", [])
    installed(monkeypatch, *some)  # type: ignore[arg-type] # an empty list is of anything
    found = packages.packages()
    assert ("warning", "videossr-core 1.0, videossr-trainers 1.1") == (found.state, found.measured)
    assert "install -U videossr-core videossr-trainers" in found.remedy


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("broken", "was written for hook API 9; this videossr-core has hook API 3"),
        ("conflict", "two packages bring it"),
    ],
)
def test_a_plugin_at_fault(state: State, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which, of which package, and why; one that is switched off is none."""
    some = [
        Origin("maze", "maze-task", "2.0", "maze:plugin", state=state, problem=problem),
        Origin("other", "maze-task", "2.0", "maze:other", state="barred"),
    ]
    monkeypatch.setattr(Registry, "origins", lambda _: some)
    found = packages.plugins()
    assert found.state == "fault"
    assert f"maze of maze-task 2.0 is {some[0].standing}: {problem}" == found.measured


def test_no_plugin_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core alone has nothing to ask."""
    monkeypatch.setattr(Registry, "origins", lambda _: [])
    found = packages.plugins()
    assert ("warning", "none installed") == (found.state, found.measured)
    assert "install videossr" in found.remedy


# Decoders


def test_pyav_reads_what_it_writes() -> None:
    """As it is here."""
    found = decoders.pyav()
    assert found.state == "ok"
    assert "H.264" in found.measured
    assert av.__version__ in found.measured


def test_a_pyav_without_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of some distributions have none that is patented; such videos would be quarantined."""
    few = frozenset(av.codecs_available - {"hevc", "libdav1d", "libaom-av1"})
    monkeypatch.setattr(av, "codecs_available", few)
    found = decoders.pyav()
    assert found.state == "warning"
    assert "videos in HEVC, AV1 cannot be read" in found.meaning
    assert "--only-binary=:all: av" in found.remedy


def test_a_pyav_that_returns_other_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that is wrong without an error."""
    import videossr.video  # noqa: PLC0415 - the name that is looked up

    plain = videossr.video.decode

    def wrong(*told: Any, **named: Any) -> Any:  # noqa: ANN401
        clip = plain(*told, **named)
        return clip.with_frames(clip.frames // 2)

    monkeypatch.setattr(videossr.video, "decode", wrong)
    found = decoders.pyav()
    assert found.state == "fault"
    assert "grey levels off" in found.meaning


def torchcodec_is(
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: Exception | None,
    major: int | None,
    ffmpeg: str | None,
) -> None:
    """Let torchcodec be installed, and be loaded like this."""

    def load(name: str) -> ModuleType:
        if error is not None:
            raise error
        module = ModuleType(name)
        module.ffmpeg_major_version = major  # type: ignore[attr-defined]
        return module

    monkeypatch.setattr(decoders, "version", lambda _: "0.17")
    monkeypatch.setattr(decoders, "import_module", load)
    monkeypatch.setattr(decoders, "_ffmpeg", lambda: ffmpeg)


LINKS = "libtorchcodec_core7.so: undefined symbol: _ZN3c1021throwNullDataPtrErrorEv\nand so on"


@pytest.mark.parametrize(
    ("error", "major", "ffmpeg", "state", "said", "remedy"),
    [
        (None, 7, "libavcodec.so.61", "ok", "torchcodec 0.17 with FFmpeg 7", ""),
        (None, None, None, "warning", "shared libraries are not found", "apt-get install ffmpeg"),
        (
            None,
            None,
            "libavcodec.so.54",
            "warning",
            "cannot use libavcodec.so.54",
            "which versions",
        ),
        (RuntimeError("no FFmpeg"), None, None, "warning", "no FFmpeg", "video.decoder=pyav"),
        (OSError(LINKS), None, "libavcodec.so.61", "warning", "undefined symbol", "two that fit"),
        (
            ImportError(LINKS),
            7,
            "libavcodec.so.61",
            "warning",
            "beside torch",
            "-U torch torchcodec",
        ),
    ],
)
def test_torchcodec_without_what_it_needs(
    error: Exception | None,
    major: int | None,
    ffmpeg: str | None,
    state: str,
    said: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """FFmpeg missing, too old, or a torch that it was not built for; of the error its first line."""
    torchcodec_is(monkeypatch, error=error, major=major, ffmpeg=ffmpeg)
    found = decoders.torchcodec()
    assert found.state == state
    assert said in found.measured
    assert remedy in found.remedy
    assert "and so on" not in found.measured


def test_torchcodec_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it is not there is no fault."""

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(decoders, "version", missing)
    with pytest.raises(NotPossible, match="PyAV decodes"):
        decoders.torchcodec()


def test_torchcodec_as_it_is_here() -> None:
    """With FFmpeg or without, it is told and no fault."""
    if not find_spec("torchcodec"):
        pytest.skip("torchcodec is not installed")
    found = decoders.torchcodec()
    assert version("torchcodec") in found.measured
    usable = "torchcodec" in available_backends()
    assert ("ok" if usable else "warning") == found.state
    assert usable != bool(found.remedy)


# GPU


class Cuda:
    """`torch.cuda` of a machine with a GPU, or with half of one."""

    def __init__(self, **settings: object) -> None:
        self.settings: dict[str, Any] = {
            "works": True,
            "capability": (9, 0),
            "error": None,
            "devices": 1,
            **settings,
        }

    def is_available(self) -> bool:
        return bool(self.settings["works"])

    def init(self) -> None:
        raise RuntimeError(
            "The NVIDIA driver on your system is too old (found version 11040).\nUpdate"
        )

    def device_count(self) -> int:
        return int(str(self.settings["devices"]))

    def get_device_name(self, _: int) -> str:
        return "GPU X"

    def get_device_capability(self, number: int) -> tuple[int, int]:
        capability: tuple[int, int] = self.settings["capability"]
        return (9, 0) if number else capability

    def get_arch_list(self) -> list[str]:
        return ["sm_90"]

    def mem_get_info(self, _: int) -> tuple[int, int]:
        return 100 * GIB, 140 * GIB


def machine(
    monkeypatch: pytest.MonkeyPatch, *, driver: bool, built: str | None, **settings: object
) -> None:
    """Let torch see such a GPU; what it would compute there is computed here."""
    ones = torch.ones

    def on_device(*shape: int, device: str) -> torch.Tensor:
        assert device.startswith("cuda:")
        if settings.get("error") and device.endswith(str(settings.get("at", 0))):
            raise RuntimeError(settings["error"])
        return ones(*shape) * float(str(settings.get("factor", 1)))

    monkeypatch.setattr(gpu, "_driver", lambda: driver)
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch, "cuda", Cuda(**settings))
    monkeypatch.setattr(torch, "ones", on_device)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("settings", "state", "said", "remedy"),
    [
        ({"driver": False, "built": None, "works": False}, "ok", "none", ""),
        (
            {"driver": True, "built": None, "works": False},
            "fault",
            "built without CUDA",
            "with CUDA",
        ),
        (
            {"driver": True, "built": "13.0", "works": False},
            "fault",
            "for CUDA 13.0: The NVIDIA driver on your system is too old",
            "update the driver",
        ),
        ({"driver": True, "built": "13.0"}, "ok", "GPU X, 100 of 140 GiB free; CUDA 13.0", ""),
        (
            {"driver": True, "built": "13.0", "error": "no kernel image is available"},
            "fault",
            "GPU X: no kernel image is available",
            "a torch that has kernels for it",
        ),
        ({"driver": True, "built": "13.0", "factor": 3}, "fault", "GPU X", "dcgmi diag"),
        ({"driver": True, "built": "13.0", "capability": (7, 0)}, "warning", "GPU X", "A100"),
        # The first is old, and the second worse.
        (
            {
                "driver": True,
                "built": "13.0",
                "capability": (7, 0),
                "devices": 2,
                "at": 1,
                "error": "out of memory",
            },
            "fault",
            "GPU X: out of memory",
            "nvidia-smi",
        ),
    ],
)
def test_a_gpu_and_the_torch_beside_it(
    settings: dict[str, Any],
    state: str,
    said: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No driver is no fault; a driver that torch cannot use is one, in the driver's first line."""
    machine(monkeypatch, **settings)
    found = gpu.gpu()
    assert found.state == state
    assert said in found.measured
    assert remedy in found.remedy
    assert "\n" not in found.measured


def test_a_gpu_that_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an empty list of devices."""
    machine(monkeypatch, driver=True, built="13.0", works=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = gpu.gpu()
    assert found.state == "warning"
    assert found.measured == "CUDA_VISIBLE_DEVICES='' hides every GPU"


# Room


@pytest.mark.parametrize(
    ("free", "state"),
    [(100.0, "ok"), (3.0, "warning"), (0.03, "fault")],
)
def test_a_disk_with_so_much_room(
    free: float, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst place is told, with its figure; where nothing is short, that of the work."""
    usage = Usage(int(200 * GIB), 0, int(free * GIB))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = room.disk(tmp_path / "not" / "made")
    assert found.state == state
    assert found.measured.startswith("working folder")
    assert f"{free:.1f} GiB free" in found.measured
    assert bool(found.remedy) == (state != "ok")


def test_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told whoever asks: root may write anywhere."""
    monkeypatch.setattr(room.os, "access", lambda place, _: place != tmp_path)
    found = room.disk(tmp_path)
    assert found.state == "fault"
    assert f"{tmp_path} cannot be written to" in found.measured


@pytest.mark.parametrize(("mib", "state"), [(64, "warning"), (8192, "ok")])
def test_shared_memory_of_a_container(
    mib: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 MiB unless it is told otherwise."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(mib * 2**20, 0, mib * 2**20))
    found = room.shared_memory()
    assert found.state == state
    assert ("--shm-size=8g" in found.remedy) == (state == "warning")


@pytest.mark.parametrize(("soft", "state"), [(256, "warning"), (4096, "ok"), (-1, "ok")])
def test_a_limit_of_open_files(soft: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy goes as far as the hard limit lets it."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, 4096))
    found = room.open_files()
    assert found.state == state
    assert found.remedy == ("ulimit -n 4096" if state == "warning" else "")


def test_files_can_be_locked(tmp_path: Path) -> None:
    """As they can here; nothing stays behind."""
    assert room.locks(tmp_path).state == "ok"
    assert list(tmp_path.iterdir()) == []


def not_locked(self: FileLock, *_: object, **__: object) -> Any:  # noqa: ANN401
    """As where the network's file system has no locks."""
    raise OSError(38, "Function not implemented", self.lock_file)


def let_in(self: FileLock, *_: object, **__: object) -> Any:  # noqa: ANN401
    """As where locks are accepted and forgotten."""
    return self


@pytest.mark.parametrize(
    ("acquire", "said"), [(not_locked, "Function not implemented"), (let_in, "keeps nobody out")]
)
def test_a_file_system_without_locks(
    acquire: Callable[..., Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs would write over each other."""
    monkeypatch.setattr(FileLock, "acquire", acquire)
    found = room.locks(tmp_path)
    assert found.state == "fault"
    assert said in found.measured


# Hub


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (None, "ok", "https://mirror.test answers"),
        (HTTPError("https://mirror.test", 403, "Forbidden", {}, None), "ok", "answers"),  # type: ignore[arg-type]
        (URLError("Name or service not known"), "warning", "Name or service not known"),
        (TimeoutError("timed out"), "warning", "timed out"),
    ],
)
def test_a_hub_that_answers_or_not(
    error: Exception | None, state: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the address that is set; that it refuses us is for whoever loads a model."""

    class Answer:
        def __enter__(self) -> None:
            """Nothing is read."""

        def __exit__(self, *_: object) -> None:
            """Nor closed."""

    def opened(request: Any, *, timeout: float) -> Answer:  # noqa: ANN401
        assert (request.full_url, request.method) == ("https://mirror.test", "HEAD")
        assert timeout <= 10
        if error is not None:
            raise error
        return Answer()

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.test")
    monkeypatch.setattr(hub, "urlopen", opened)
    found = hub.hub(network=True)
    assert found.state == state
    assert said in found.measured
    assert ("HF_HUB_OFFLINE=1" in found.remedy) == (state == "warning")


def test_no_file_is_read_in_place_of_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of the web alone."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc/passwd")
    assert hub.hub(network=True).state == "warning"


def test_a_hub_that_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked."""
    monkeypatch.setattr(hub, "urlopen", None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub.hub(network=True).state == "ok"
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with pytest.raises(NotPossible, match="--no-network"):
        hub.hub(network=False)


# The command


def test_a_check_that_fails_keeps_none_from_being_made() -> None:
    """It is a fault of its own, in one line; one that cannot be made is skipped."""

    def breaks() -> Finding:
        raise ImportError("libfoo.so: cannot open shared object file\nsecond line")

    def skips() -> Finding:
        raise NotPossible("not here")

    def works() -> Finding:
        return Finding("", "ok", "fine")

    found = list(findings([("one", breaks), ("two", skips), ("three", works)]))
    assert [("one", "fault"), ("two", "skipped"), ("three", "ok")] == [
        (one.check, one.state) for one in found
    ]
    assert "ImportError: libfoo.so: cannot open shared object file" == found[0].measured


def ran(monkeypatch: pytest.MonkeyPatch, *words: str, checks: list[Finding]) -> object:
    """The exit code of the command on a machine where these are found."""
    monkeypatch.setattr("videossr.doctor.examination.examine", lambda *_, **__: iter(checks))
    with pytest.raises(SystemExit) as stop:
        main(["doctor", "--no-network", *words])
    return stop.value.code


WELL = Finding("disk", "ok", "100 GiB free")
SHORT = Finding("shared memory", "warning", "64 MiB", "loaders die", "--shm-size=8g")
BROKEN = Finding("GPU", "fault", "the driver is too old", "all is slow", "update the driver")


@pytest.mark.parametrize(("checks", "code"), [([WELL, SHORT], 0), ([WELL, BROKEN], 1)])
def test_a_fault_alone_fails(
    checks: list[Finding],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each with its remedy; of what is well, its figure."""
    assert code == (ran(monkeypatch, checks=checks) or 0)
    told = capsys.readouterr().out
    assert all(one.measured in told for one in checks)
    assert checks[1].remedy in told


def test_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the worst state."""
    assert ran(monkeypatch, "--json", checks=[WELL, BROKEN]) == 1
    tree = json.loads(capsys.readouterr().out)
    assert tree["state"] == "fault"
    assert ["disk", "GPU"] == [one["check"] for one in tree["findings"]]
    assert tree["findings"][1]["remedy"] == "update the driver"


def test_this_machine(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The real checks, all of them; that it can be worked on is seen by the other tests."""
    with pytest.raises(SystemExit):
        main(["doctor", "--no-network", "--json", "--folder", str(tmp_path)])
    tree = json.loads(capsys.readouterr().out)
    states = {one["check"]: one["state"] for one in tree["findings"]}
    assert states["hub"] in {"skipped", "ok"}
    for name in ("packages", "plugins", "PyAV", "locks"):
        assert states[name] == "ok"
