"""Reading and writing videos: what a file shows and when, frames at given times, sizes, MP4."""

from __future__ import annotations

from videossr.video.decode import Backend, available_backends, decode
from videossr.video.encode import encode_mp4, mp4_bytes
from videossr.video.probe import VideoInfo, hash_file, probe
from videossr.video.sampling import frames_on_screen, target_times
from videossr.video.sizing import fit_size
from videossr.video.timeline import Timeline, read_timeline

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
]
