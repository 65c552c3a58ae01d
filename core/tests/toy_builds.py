"""A configuration of both toy tasks that fits the drawn videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toy_plugins import toys

from videossr.config import RunConfig, resolve
from videossr.video_table import VideoRow

if TYPE_CHECKING:
    from videossr.registry import Registry

VIDEO = {
    "num_frames": 8,
    "min_frames": 8,
    "max_pixels": 2304,
    "min_pixels": 256,
    "size_multiple": 16,
}

PICK: dict[str, Any] = {"pick": {}}
HALVES: dict[str, Any] = {"halves": {"weight": 2, "perturbations": {"dim": {}, "upend": {}}}}


def configured(
    tasks: dict[str, Any] | None = None,
    *,
    size: int = 12,
    seed: int = 1,
    registry: Registry | None = None,
    **video: object,
) -> RunConfig:
    """A configuration for the drawn videos, with both toy tasks unless told otherwise."""
    tree = {
        "seed": seed,
        "video": {**VIDEO, **video},
        "build": {"size": size},
        "tasks": {**PICK, **HALVES} if tasks is None else tasks,
    }
    return resolve(tree, registry or toys())


#: There is no video here.
NOWHERE = Path("/nowhere")


def row(number: int, **facts: Any) -> VideoRow:  # noqa: ANN401 - those of a row
    """A row of a table, of a video of ten seconds at 10 frames a second that nobody has."""
    made_up = {"hash": f"{number:032x}", "last": 9.9, "duration": 10.0, "frames": 100, "fps": 10.0}
    size = {"height": 48, "width": 64}
    return VideoRow(f"{number:05}.mp4", "ok", **{**made_up, **size, **facts})


def planned(tasks: dict[str, Any] | None = None, **build_settings: object) -> RunConfig:
    """A configuration that plans."""
    tree = {
        "seed": 1,
        "video": VIDEO,
        "build": {"size": 12, "check": False, **build_settings},
        "tasks": PICK if tasks is None else tasks,
    }
    return resolve(tree, toys())
