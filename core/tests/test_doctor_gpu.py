"""GPUs that do not fit the torch beside them are told, with what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from videossr.doctor import gpu

GIB = 2**30


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
