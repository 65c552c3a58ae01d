"""Reading and writing videos: what a file shows and when, frames at given times, sizes, MP4.

Names that need torch are loaded when they are first used: a scan does without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from videossr.video.probe import VideoInfo, hash_file, probe
from videossr.video.sampling import frames_on_screen, target_times
from videossr.video.sizing import fit_size
from videossr.video.timeline import Timeline, read_timeline

if TYPE_CHECKING:
    from videossr.video.decoding import Backend, available_backends, decode, timeline_of
    from videossr.video.encode import encode_mp4, mp4_bytes

__all__ = [
    "Backend",
    "Timeline",
    "VideoInfo",
    "available_backends",
    "decode",
    "encode_mp4",
    "fit_size",
    "frames_on_screen",
    "hash_file",
    "mp4_bytes",
    "probe",
    "read_timeline",
    "target_times",
    "timeline_of",
]

_LAZY = {
    "Backend": "videossr.video.decoding",
    "available_backends": "videossr.video.decoding",
    "decode": "videossr.video.decoding",
    "timeline_of": "videossr.video.decoding",
    "encode_mp4": "videossr.video.encode",
    "mp4_bytes": "videossr.video.encode",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_LAZY[name]), name)
