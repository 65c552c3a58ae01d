"""Smooth ways of a camera and of objects, as closed forms of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.procedural.dice import Dice

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where something is, frame by frame: float32 [n] each; angle in radians, clockwise."""

    x: Tensor
    y: Tensor
    angle: Tensor
    scale: Tensor


def _ease(progress: Tensor, dice: Dice) -> Tensor:
    """Progress from 0 to 1 with an acceleration of either sign."""
    return progress + dice.between(-0.7, 0.7) * (progress * progress - progress)


def camera_motion(seconds: Tensor, dice: Dice) -> Pose:
    """A camera's way over the background. Its scale is the zoom: above one, things look larger."""
    duration = max(float(seconds[-1]), 1e-6)
    progress = seconds / duration
    heading = dice.between(0, math.tau)
    reach = min(1.2, dice.between(0.3, 0.7) * duration)
    ahead = reach * (_ease(progress, dice) - 0.5)
    aside = dice.between(-0.2, 0.2) * (progress * math.pi).sin()
    x = ahead * math.cos(heading) - aside * math.sin(heading)
    y = ahead * math.sin(heading) + aside * math.cos(heading)
    if dice.chance(0.4):
        amplitude, beat = dice.between(0.01, 0.035), dice.between(5, 9)
        x = x + amplitude * (seconds * beat).sin()
        y = y + amplitude * (seconds * beat * 1.3 + dice.between(0, math.tau)).sin()
    turn = dice.signed(0.05, 0.2) if dice.chance(0.5) else 0.0
    zoom = dice.between(0.85, 1.35) if dice.chance(0.6) else 1.0
    return Pose(
        x=x,
        y=y,
        angle=turn * (_ease(progress, dice) - 0.5),
        scale=zoom ** _ease(progress, dice),
    )


def _path(seconds: Tensor, home: Point, dice: Dice) -> tuple[Tensor, Tensor]:
    """A smooth way through or about a place, in x and y, each [n]."""
    duration = max(float(seconds[-1]), 1e-6)
    progress = seconds / duration
    x, y = home
    heading = dice.between(0, math.tau)
    kind = dice.numbers.choice(("line", "curve", "orbit", "swing"))
    if kind == "orbit":
        radius, pace = dice.between(0.25, 0.6), dice.signed(0.7, 2.0)
        phase = heading + pace * seconds
        return x + radius * phase.cos(), y + 0.7 * radius * phase.sin()
    if kind == "swing":
        ahead = dice.between(0.3, 0.7) * (seconds * dice.between(1.0, 2.5) + heading * 2).sin()
        aside = torch.zeros_like(seconds)
    else:
        reach = min(2.2, dice.between(0.4, 1.0) * duration)
        ahead = reach * (_ease(progress, dice) - 0.5)
        bow = dice.signed(0.3, 0.7) if kind == "curve" else 0.0
        aside = bow * ((progress * math.pi).sin() - 0.5)
    return (
        x + ahead * math.cos(heading) - aside * math.sin(heading),
        y + ahead * math.sin(heading) + aside * math.cos(heading),
    )


def _turning(way: Tensor, bound: float) -> Tensor:
    """A way that follows another near the centre, and turns smoothly at a bound on either side."""
    return bound * (way / bound).sin()


def object_motion(
    seconds: Tensor, camera: Pose, dice: Dice, *, home: Point, bounds: Point, depth: float
) -> Pose:
    """An object's pose as the camera sees it; its scale is its radius.

    Args:
        seconds: [n], from the start of the shot.
        camera: the camera's way.
        dice: the shot's draws.
        home: about where in the picture the object stays.
        bounds: half the picture's width and height; the object's centre turns there at the latest.
        depth: 0 for an object that moves with the camera, 1 for one on the background.
    """
    x, y = _path(seconds, home, dice)
    x, y = x - depth * camera.x, y - depth * camera.y
    cos, sin = camera.angle.cos(), camera.angle.sin()
    spin = dice.signed(0.2, 1.6) if dice.chance(0.7) else 0.0
    breath = dice.between(0.08, 0.25) if dice.chance(0.6) else 0.0
    swell = 1 + breath * (seconds * dice.between(0.8, 2.0) + dice.between(0, math.tau)).sin()
    return Pose(
        x=_turning(camera.scale * (x * cos + y * sin), bounds[0]),
        y=_turning(camera.scale * (y * cos - x * sin), bounds[1]),
        angle=dice.between(0, math.tau) + spin * seconds - camera.angle,
        scale=camera.scale * swell * dice.between(0.25, 0.48),
    )
