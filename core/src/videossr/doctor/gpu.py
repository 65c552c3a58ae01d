"""The GPU: whether torch can use what is there, and why not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

from videossr.finding import Finding

_GIB: Final = 2**30

#: Where a driver of NVIDIA's says which it is.
_DRIVER: Final = Path("/proc/driver/nvidia/version")

_INDEX: Final = "https://pytorch.org/get-started/locally names the command for each CUDA version"


def gpu() -> Finding:
    """A small product is computed on each device."""
    import torch  # noqa: PLC0415 - slow to import

    built = torch.version.cuda or torch.version.hip
    if torch.cuda.is_available():
        return _used(torch)
    if not _driver():
        said = f"none; torch {torch.__version__}"
        return Finding("", "ok", f"{said}: `tiny` trains on the CPU, an 8B model does not")
    meaning = "there is a GPU, and all would be computed on the CPU"
    if not built:
        said = f"torch {torch.__version__} is built without CUDA"
        return Finding("", "fault", said, meaning, f"install torch with CUDA: {_INDEX}")
    if (hidden := os.environ.get("CUDA_VISIBLE_DEVICES")) in {"", "-1"}:
        said = f"CUDA_VISIBLE_DEVICES={hidden!r} hides every GPU"
        return Finding("", "warning", said, meaning, "unset it, or name a device: 0")
    said = f"torch {torch.__version__}, for CUDA {built}: {_reason(torch)}"
    remedy = f"update the driver, or install a torch for the CUDA version that it knows: {_INDEX}"
    return Finding("", "fault", said, meaning, remedy)


def _used(torch: Any) -> Finding:  # noqa: ANN401 - the module, so that none is imported at the top
    known = torch.cuda.get_arch_list()
    said, figures, old = [], [], []
    for number in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(number)
        major, minor = torch.cuda.get_device_capability(number)
        try:
            one = torch.ones(8, 8, device=f"cuda:{number}")
            works = bool((one @ one == 8).all())  # noqa: PLR2004 - a row of eight ones
        except RuntimeError as error:  # also of a device that others use up
            problem = str(error).strip().splitlines()[0]
            meaning = (
                f"it has compute capability {major}.{minor}; this torch is for {', '.join(known)}"
            )
            remedy = f"see `nvidia-smi`; a torch that has kernels for it: {_INDEX}"
            return Finding("", "fault", f"{name}: {problem}", meaning, remedy)
        if not works:
            meaning = "a product of two small matrices is wrong"
            return Finding("", "fault", name, meaning, "look for faults with `dcgmi diag`")
        free, total = torch.cuda.mem_get_info(number)
        said.append(f"{name}, {free / _GIB:.0f} of {total / _GIB:.0f} GiB free")
        figures.append({"name": name, "free": free, "total": total})
        if major < 8:  # noqa: PLR2004 - Ampere
            old.append(said[-1])
    if old:
        meaning = "it has no bfloat16, in which training computes"
        remedy = "a GPU of the generation of the A100, or newer"
        return Finding("", "warning", "; ".join(old), meaning, remedy, {"devices": figures})
    return Finding(
        "", "ok", f"{'; '.join(said)}; CUDA {torch.version.cuda}", figures={"devices": figures}
    )


def _driver() -> bool:
    return _DRIVER.exists() or shutil.which("nvidia-smi") is not None


def _reason(torch: Any) -> str:  # noqa: ANN401
    """Why CUDA cannot be used, in the driver's words."""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().splitlines()[0]
    return "no device is visible"
