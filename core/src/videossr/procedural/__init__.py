"""Videos drawn by code, for demonstrations and tests: shots, cuts, a moving camera, moving objects.

A video is one to three shots with hard cuts between them. A shot is a textured background larger
than the frame, a camera that pans, zooms, turns or shakes over it, and two to five textured objects
on paths of their own, the nearer ones in front. As in most footage of the real world there is an up
and a light: the upper left tends to be cool and bright, the lower right warm and dark. That holds
on average only, and the objects know nothing of it.

Lengths are in units of half the frame's short side, with the origin at the centre, x to the right
and y down, so that one seed gives one scene at any size.
"""

from __future__ import annotations

from videossr.procedural.videos import draw_video, write_videos

__all__ = ["draw_video", "write_videos"]
