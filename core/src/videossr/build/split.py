"""Which side of a split a video is on: held out, or to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from videossr.seeds import derive_seed

if TYPE_CHECKING:
    from videossr.config import BuildConfig

Part = Literal["train", "held_out"]


def part_of(video_hash: str, config: BuildConfig) -> Part:
    """The side of a video, from its content alone.

    So a video, by whatever name and in whatever table, and all the questions about it, are on one side.

    Args:
        video_hash: of the file's bytes.
        config: says what share is held out, and by which seed.
    """
    point = derive_seed(config.split_seed, "held out", video_hash) / 2**64
    return "held_out" if point < config.held_out else "train"
