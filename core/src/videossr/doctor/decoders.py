"""Decoders: whether they can be loaded, what they can read, and that they return what was written."""

from __future__ import annotations

import ctypes.util
import tempfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from videossr.finding import Finding, NotPossible
from videossr.installing import install_command

#: Names of codecs that videos have, as FFmpeg calls them; any of a row will do.
_CODECS: Final = {
    "H.264": ("h264",),
    "HEVC": ("hevc",),
    "VP8": ("vp8", "libvpx"),
    "VP9": ("vp9", "libvpx-vp9"),
    "AV1": ("libdav1d", "libaom-av1"),  # FFmpeg's own, `av1`, needs hardware
    "MPEG-4": ("mpeg4",),
    "Theora": ("theora",),
}

#: Of the video that is written and read again: frames, frames a second, height and width.
_FRAMES: Final = 8
_RATE: Final = 8.0
_SIDE: Final = 64

#: Grey levels that a frame of one colour may be off by, after H.264 and two conversions.
_TOLERANCE: Final = 12

#: How to get FFmpeg's shared libraries, with and without root.
_FFMPEG: Final = (
    "install FFmpeg with its shared libraries (`apt-get install ffmpeg`, or without root `conda "
    "install -c conda-forge ffmpeg`), or keep video.decoder=pyav, which brings its own"
)


def pyav() -> Finding:
    """A video that is written is read again, and the codecs that videos have are there."""
    import av  # noqa: PLC0415 - a broken one is to be reported, not to end the command
    import torch  # noqa: PLC0415

    from videossr.video import decode  # noqa: PLC0415
    from videossr.video.encode import encode_mp4  # noqa: PLC0415

    levels = torch.linspace(40, 200, _FRAMES).byte()
    frames = levels[:, None, None, None].expand(_FRAMES, 3, _SIDE, _SIDE).contiguous()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        encode_mp4(frames, _RATE, path)
        times = [number / _RATE for number in range(_FRAMES)]
        read = decode(path, times, max_pixels=_SIDE**2, min_pixels=1, multiple=_SIDE)
    off = (read.frames.float().mean((1, 2, 3)) - levels.float()).abs().max()
    lost = [name for name, ways in _CODECS.items() if not av.codecs_available.intersection(ways)]
    said = f"PyAV {av.__version__}; reads {', '.join(name for name in _CODECS if name not in lost)}"
    wheel = install_command("--force-reinstall", "--only-binary=:all:", "av")
    if not off < _TOLERANCE:
        meaning = f"a video came back {off:.0f} grey levels off"
        return Finding("", "fault", f"PyAV {av.__version__} returns other pixels", meaning, wheel)
    if lost:
        meaning = f"videos in {', '.join(lost)} cannot be read, and are quarantined by a scan"
        return Finding("", "warning", said, meaning, f"the wheel of PyAV reads them: {wheel}")
    return Finding("", "ok", said)


def torchcodec() -> Finding:
    """It is optional: needed for `video.decoder=torchcodec` alone."""
    try:
        installed = version("torchcodec")
    except PackageNotFoundError:
        raise NotPossible("not installed; PyAV decodes") from None
    meaning = "a run with video.decoder=torchcodec is refused"
    try:
        module = import_module("torchcodec")
        import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        if not _ffmpeg():
            return Finding("", "warning", f"torchcodec {installed}: no FFmpeg", meaning, _FFMPEG)
        first, *_ = str(error).strip().splitlines() or [type(error).__name__]
        torch = version("torch")
        remedy = f"{install_command('-U', 'torch', 'torchcodec')} brings two that fit; {_FFMPEG}"
        found = f"torchcodec {installed} cannot be loaded beside torch {torch}: {first}"
        return Finding("", "warning", found, meaning, remedy)
    if (major := getattr(module, "ffmpeg_major_version", None)) is not None:
        return Finding("", "ok", f"torchcodec {installed} with FFmpeg {major}")
    there = _ffmpeg()
    if there:
        said = f"torchcodec {installed} cannot use {there}"
        remedy = f"{_FFMPEG}; torchcodec says which versions it takes"
        return Finding("", "warning", said, meaning, remedy)
    said = f"torchcodec {installed}: FFmpeg's shared libraries are not found"
    return Finding("", "warning", said, meaning, _FFMPEG)


def _ffmpeg() -> str | None:
    """FFmpeg's library, as the system's loader finds it."""
    return ctypes.util.find_library("avcodec")
