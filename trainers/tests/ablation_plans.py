"""Ablations at the small scale, and the stages of their runs, about videos that nobody has."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from videossr.video_table import VideoRow
from videossr_trainers.ablations.presets import find_ablations
from videossr_trainers.ablations.stages import plan
from videossr_trainers.ablations.variants import Variants
from videossr_trainers.ablations.videos import Videos

if TYPE_CHECKING:
    from videossr_trainers.ablations.stages import Plan, Stage
    from videossr_trainers.ablations.variants import Variant

ROW = VideoRow("a.mp4", "ok", bytes=3, modified=1, hash="0" * 32, frames=9, last=1.0)
VIDEOS = Videos(Path("/nowhere/videos.parquet"), Path("/nowhere"), "0123")


@cache
def known(*overrides: str, scale: str = "tiny") -> Variants:
    """Those that come along, at a scale."""
    return Variants(find_ablations(), scale, overrides)


@cache
def variant(name: str, *overrides: str) -> Variant:
    """One of them."""
    return known(*overrides).variant(name)


def planned(name: str, *overrides: str, seed: int = 0, launcher: tuple[str, ...] = ()) -> Plan:
    """The stages of a run."""
    return plan(variant(name, *overrides), seed, VIDEOS, Path("/runs"), launcher)


def named(plan: Plan) -> dict[str, Stage]:
    """Stages by name."""
    return {stage.name: stage for stage in plan.stages}
