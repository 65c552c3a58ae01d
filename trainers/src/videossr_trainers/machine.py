"""What training needs of a machine beyond what the core looks at, for `videossr doctor`."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from videossr.finding import Finding
from videossr.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Modules that a training imports, and the package whose update mends them.
_IMPORTED: Final = {
    "transformers.models.qwen3_vl.modeling_qwen3_vl": "transformers",
    "trl.trainer.grpo_trainer": "trl",
    "peft": "peft",
    "accelerate": "accelerate",
    "datasets": "datasets",
}

_MEMORY_GIB: Final = 8.0
_GIB: Final = 2**30


def checks() -> Mapping[str, Callable[[], Finding]]:
    """By name, as the hook wants them."""
    return {"training": training, "memory": memory}


def training() -> Finding:
    """All that a training imports can be imported, beside one another."""
    from videossr_trainers.console import quiet_libraries  # noqa: PLC0415 - heavy

    quiet_libraries()
    for module, package in _IMPORTED.items():
        try:
            import_module(module)
        except Exception as error:  # noqa: BLE001 - packages that do not fit fail in any way
            said = str(error).strip().splitlines() or [type(error).__name__]
            meaning = _unfit(package)
            remedy = install_command("-U", "videossr-trainers", package)
            return Finding("", "fault", f"{module}: {said[0]}", meaning, remedy)
    told = ", ".join(f"{name} {version(name)}" for name in dict.fromkeys(_IMPORTED.values()))
    return Finding("", "ok", told)


def _unfit(package: str) -> str:
    """What it means that a package cannot be imported."""
    try:
        return f"{package} {version(package)} does not fit the packages beside it"
    except PackageNotFoundError:
        return f"{package} is not installed"


def memory() -> Finding:
    """Main memory for loading a model; Qwen3-VL-8B passes through it piece by piece."""
    from videossr_trainers.preflight.memory import main_memory  # noqa: PLC0415 - heavy

    free = main_memory() / _GIB
    said = f"{free:.1f} GiB of main memory available"
    if free >= _MEMORY_GIB:
        return Finding("", "ok", said)
    meaning = "loaders keep decoded clips in it, and a large model is loaded through it"
    remedy = "end other work, lower grpo.loader_workers, or raise the container's limit"
    return Finding("", "warning", said, meaning, remedy)
