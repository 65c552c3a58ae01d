"""A configuration of both toy tasks that fits the drawn videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toy_plugins import toys

from videossr.config import RunConfig, resolve

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
