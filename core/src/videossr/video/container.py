"""Opening a video file with FFmpeg, and what its failures are called."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
from av.stream import Disposition
from packaging.version import Version

from videossr.errors import VideoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.video.stream import VideoStream


#: Titles that are no UTF-8 must not keep a video from being read. From version 19 on PyAV sees to that itself,
#: and refuses to be told.
_TOLERANT: Final[dict[str, Any]] = (
    {} if Version(av.__version__) >= Version("19") else {"metadata_errors": "replace"}
)

#: FFmpeg's names of formats whose files are lists of other files, or of what is no file.
_LISTS: Final = frozenset(
    {
        *("concat", "dash", "hls", "image2", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp"),
        *("vobsub", "webm_dash_manifest"),
    }
)


@cache
def _formats() -> str:
    """Every format that is read, as FFmpeg takes them."""
    return ",".join(sorted(av.formats_available - _LISTS))


@contextmanager
def open_video(path: Path | str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The opened file and its best video stream, set to decode in one thread.

    "Best" is FFmpeg's choice (the largest picture, on the whole), which torchcodec makes too; cover
    pictures of audio files are passed over.

    Raises:
        VideoError: `unreadable`, `no_video_stream`, `cover_art`, `still_image`, or `undecodable` where
            FFmpeg fails inside the `with` block.
    """
    # Absolute, so that FFmpeg takes no file name for the address of a protocol ("concat:a.mp4"); only
    # files, so that nothing reaches for the network; and no format whose files name others, so that a
    # playlist with the suffix of a video shows nobody's other files.
    location = str(Path(path).absolute())
    options = {"protocol_whitelist": "file", "format_whitelist": _formats()}
    try:
        container = av.open(location, options=options, **_TOLERANT)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(path, "unreadable", f"not a video file ({explain(error)})") from error
    except UnicodeEncodeError as error:
        raise VideoError(path, "unreadable", "the file's name is not valid text") from error
    with container:
        stream = _best_stream(path, container)
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        try:
            yield container, stream
        except av.FFmpegError as error:
            raise VideoError(
                path,
                "undecodable",
                f"the {stream.codec_context.name} stream is damaged ({explain(error)})",
            ) from error


def explain(error: Exception) -> str:
    """FFmpeg's words without its error number and the path, which the message has already."""
    return getattr(error, "strerror", None) or str(error)


def _best_stream(path: Path | str, container: InputContainer) -> VideoStream:
    if not container.streams:
        raise VideoError(path, "unreadable", "a video file that is cut off before its contents")
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams}))
        raise VideoError(path, "no_video_stream", f"no video stream, only {kinds}")
    moving = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
    if not moving:
        raise VideoError(path, "cover_art", "its only picture is the cover of an audio file")
    if container.format.name.endswith("_pipe"):  # FFmpeg's name for a single image
        raise VideoError(path, "still_image", f"a still image ({container.format.name[:-5]})")
    best = container.streams.best("video")
    taken = next((s for s in moving if best is not None and s.index == best.index), moving[0])
    # PyAV makes no decoder where the header is cut off before it names the codec, or names one that
    # FFmpeg does not know.
    if taken.codec_context is None:
        raise VideoError(path, "undecodable", "its header names no codec that is known here")
    return taken
