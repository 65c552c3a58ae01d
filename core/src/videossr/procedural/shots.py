"""One shot: a background under a camera, and objects over it from the farthest to the nearest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import grid_sample

from videossr.procedural.dice import Dice
from videossr.procedural.motion import camera_motion, object_motion
from videossr.procedural.textures import SPRITE_REACH, Grid, background, sprite

if TYPE_CHECKING:
    from torch import Tensor

    from videossr.procedural.motion import Pose

# How far the background reaches beyond the frame on every side: what pan, turn and zoom need.
_MARGIN = 1.0


def _see(scene: Tensor, camera: Pose, height: int, width: int) -> Tensor:
    """The background under the camera, [3, n, height, width]."""
    short = min(height, width)
    half_width, half_height = width / short, height / short
    view = Grid.over(half_height, half_width, height, width)
    cos, sin = (
        (turned / camera.scale)[:, None, None]
        for turned in (camera.angle.cos(), camera.angle.sin())
    )
    grid = torch.empty(len(camera.x), height, width, 2)
    across = cos * view.x[0] - sin * view.y[:, :1] + camera.x[:, None, None]
    down = sin * view.x[0] + cos * view.y[:, :1] + camera.y[:, None, None]
    torch.div(across, half_width + _MARGIN, out=grid[..., 0])
    torch.div(down, half_height + _MARGIN, out=grid[..., 1])
    # All frames as rows of one picture: it samples the scene without a copy of it for each frame.
    seen = grid_sample(
        scene[None], grid.view(1, -1, width, 2), padding_mode="reflection", align_corners=False
    )
    return seen.view(3, -1, height, width)


def _put(frames: Tensor, picture: Tensor, pose: Pose) -> None:
    """Draw an object over frames [3, n, height, width], in place.

    Only a window around the object is touched. It never leaves the frame: where the object does,
    the window stays at the border, and still holds all that shows.
    """
    _, count, height, width = frames.shape
    short = min(height, width)
    side = 2 * math.ceil(float(pose.scale.max()) * SPRITE_REACH * short / 2) + 2
    tall, wide = min(side, height), min(side, width)
    middle_y, middle_x = (pose.y * short + height) / 2, (pose.x * short + width) / 2
    top = (middle_y - tall / 2).round().long().clamp(0, height - tall)
    left = (middle_x - wide / 2).round().long().clamp(0, width - wide)
    rows, columns = top[:, None] + torch.arange(tall), left[:, None] + torch.arange(wide)

    radius = (pose.scale * short / 2)[:, None, None]
    y = ((rows + 0.5) - middle_y[:, None])[:, :, None] / radius
    x = ((columns + 0.5) - middle_x[:, None])[:, None, :] / radius
    cos, sin = pose.angle.cos()[:, None, None], pose.angle.sin()[:, None, None]
    grid = torch.stack([x * cos + y * sin, y * cos - x * sin], dim=-1) / SPRITE_REACH
    drawn = grid_sample(
        picture[None], grid.view(1, -1, wide, 2), padding_mode="border", align_corners=False
    ).view(4, count, tall, wide)
    # The distance in pixels gives an edge of one pixel at any size.
    cover = (0.5 - drawn[3] * radius).clamp(0, 1)
    # Beyond the sprite's border its values are of the border's pixels, outside of every shape.
    window = torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]
    frames[:, *window] = torch.lerp(frames[:, *window], drawn[:3], cover)


def draw_shot(seed: int, count: int, fps: float, height: int, width: int) -> Tensor:
    """The frames of one shot, float32 [3, count, height, width] in 0..1."""
    dice = Dice(seed)
    short = min(height, width)
    half_height, half_width = height / short, width / short
    tall, wide = (round((half + _MARGIN) * short) for half in (half_height, half_width))
    grid = Grid.over(half_height + _MARGIN, half_width + _MARGIN, tall, wide)
    seconds = torch.arange(count) / fps

    camera = camera_motion(seconds, dice)
    frames = _see(background(grid, dice), camera, height, width)
    objects = dice.numbers.randint(2, 5)
    # Homes lie around the centre, each in a direction of its own, so that objects meet but no
    # pile forms.
    first = dice.between(0, math.tau)
    for index in range(objects):
        direction = first + math.tau * index / objects
        distance = dice.between(0.3, 0.8)
        bounds = half_width, half_height
        home = (
            distance * half_width * math.cos(direction),
            distance * half_height * math.sin(direction),
        )
        # From the farthest to the nearest; the nearest move least with the background.
        depth = 0.7 * (1 - index / objects)
        picture = sprite(max(round(short * 0.6), 8), dice)
        motion = object_motion(seconds, camera, dice, home=home, bounds=bounds, depth=depth)
        _put(frames, picture, motion)
    return frames
