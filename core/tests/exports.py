"""Exports of the toy dataset, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
import torch
from toy_plugins import toys

from videossr.build.split import part_of
from videossr.config import BuildConfig
from videossr.export.exporting import Exports, export_dataset
from videossr.export.peers import PEERS
from videossr.export.shown import AsFrames
from videossr.render import Renderer

if TYPE_CHECKING:
    from io import BytesIO
    from pathlib import Path

    from torch import Tensor

    from videossr import Sample
    from videossr.dataset import Dataset, Recipe
    from videossr.export.shown import Writer

VERL = PEERS["verl"]


def exported(
    dataset: Dataset,
    folder: Path,
    peer: str = "verl",
    writer: Writer | None = None,
    renderer: Renderer | None = None,
    **options: Any,  # noqa: ANN401 - those of `export_dataset`
) -> Exports:
    """Export with the toy plugins."""
    renderer = renderer or Renderer.for_dataset(dataset, registry=toys())
    return export_dataset(
        dataset, renderer, folder, PEERS[peer], writer or AsFrames(), **{"split": "all", **options}
    )


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def pixels(file: str | BytesIO) -> Tensor:
    """The frames of an image, or of a video, uint8 [T, 3, H, W]."""
    with av.open(file) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)


def sides(dataset: Dataset) -> list[str]:
    """The side of each question."""
    config = BuildConfig(**dataset.config["build"])
    return [part_of(recipe.video_hash, config) for recipe in dataset.recipes]


class Partly:
    """A renderer that some questions do not hold with, or that fails at them."""

    def __init__(self, renderer: Renderer, number: int, error: Exception) -> None:
        self._renderer, self._left, self._error = renderer, number, error

    def make(self, recipe: Recipe) -> Sample:
        """The sample, as long as there are any left."""
        self._left -= 1
        if self._left < 0:
            raise self._error
        return self._renderer.make(recipe)

    render = make
