"""What training adds to `videossr doctor`: libraries that do not fit together, and too little memory."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest

from videossr.extensions import extensions
from videossr_trainers import machine
from videossr_trainers.preflight import memory

if TYPE_CHECKING:
    from types import ModuleType

GIB = 2**30


def test_they_are_found_by_the_doctor() -> None:
    """By the hook."""
    assert {"training", "memory"} <= extensions().checks().keys()


def test_the_libraries_that_are_here() -> None:
    """All of them, with their versions."""
    found = machine.training()
    assert found.state == "ok"
    assert all(f"{name} " in found.measured for name in ("transformers", "trl", "peft"))


@pytest.mark.parametrize(
    "error",
    [
        ImportError("cannot import name 'Qwen3VL' from 'transformers'\nmore"),
        RuntimeError("operator torchvision::nms does not exist"),
        AttributeError("module 'numpy' has no attribute 'float'"),
        ValueError("numpy.dtype size changed, may indicate binary incompatibility"),
    ],
)
def test_libraries_that_do_not_fit(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one cannot be imported, in a line, and what brings one that can."""

    def load(name: str) -> ModuleType:
        if name.startswith("trl"):
            raise error
        return import_module(name)

    monkeypatch.setattr(machine, "import_module", load)
    found = machine.training()
    assert found.state == "fault"
    assert found.measured == f"trl.trainer.grpo_trainer: {str(error).splitlines()[0]}"
    assert "trl " in found.meaning
    assert "install -U videossr-trainers trl" in found.remedy


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with the command that brings it."""

    def load(name: str) -> ModuleType:
        if name == "peft":
            raise ModuleNotFoundError("No module named 'peft'")
        return import_module(name)

    def version(name: str) -> str:
        if name == "peft":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(machine, "import_module", load)
    monkeypatch.setattr(machine, "version", version)
    found = machine.training()
    assert found.state == "fault"
    assert found.meaning == "peft is not installed"
    assert "install -U videossr-trainers peft" in found.remedy


@pytest.mark.parametrize(("gib", "state"), [(1.5, "warning"), (64.0, "ok")])
def test_main_memory(gib: float, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a container grants counts, not what the machine has."""
    monkeypatch.setattr(memory, "_container_limit", lambda: gib * GIB)
    of_the_machine = SimpleNamespace(available=128 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: of_the_machine)
    found = machine.memory()
    assert found.state == state
    assert f"{gib:.1f} GiB" in found.measured
    assert ("loader_workers" in found.remedy) == (state == "warning")
