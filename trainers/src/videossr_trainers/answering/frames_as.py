"""A sample as a chat of OpenAI's protocol: its clips as images with their times, or as video files.

The protocol knows no video, and servers that take one differ in what they make of its clock: some read
the time stamps of the file, some divide a frame's number by the average rate, and some count from the
first frame. So the times of the frames are always in the text, as the model is told them elsewhere.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol

import av
import torch
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from videossr import ConfigError
from videossr.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.sample import Sample

#: A part of a message, in the protocol's own form.
ContentPart = dict[str, Any]

#: A step above the quickest of zlib: a third of the time of its usual level, a sixth more bytes.
_PNG_LEVEL: Final = 3

#: Ticks a second of the video files.
_TICKS: Final = 90_000

#: Codes of BT.709, the same for primaries, transfer and matrix.
_BT709: Final = 1


class FramesAs(Protocol):
    """A way to show a clip."""

    @property
    def identity(self) -> Mapping[str, object]:
        """What tells it from other ways, as plain JSON values."""
        ...

    def parts(self, clip: Clip) -> list[ContentPart]:
        """The parts of a message that show the clip."""
        ...


@dataclass(frozen=True, slots=True)
class AsImages:
    """Every frame an image, and before each its time.

    Args:
        jpeg_quality: 1 to 100, for images that lose a little; None for PNG, which loses nothing.
    """

    jpeg_quality: int | None = None

    def __post_init__(self) -> None:
        if self.jpeg_quality is not None and not 1 <= self.jpeg_quality <= 100:  # noqa: PLR2004
            right = "must be from 1 to 100, or none for PNG"
            raise ConfigError(Mistake("--jpeg-quality", str(self.jpeg_quality), right))

    @property
    def identity(self) -> Mapping[str, object]:
        """The form of the images."""
        if self.jpeg_quality is None:
            return {"frames": "png"}
        return {"frames": "jpeg", "quality": self.jpeg_quality}

    def parts(self, clip: Clip) -> list[ContentPart]:
        """Text and image in turn, frame by frame."""
        return [
            part
            for frame, time in zip(clip.frames, clip.times.tolist(), strict=True)
            for part in (
                _text(f"<{time:.1f} seconds>"),
                {"type": "image_url", "image_url": {"url": self._url(frame)}},
            )
        ]

    def _url(self, frame: Tensor) -> str:
        data = BytesIO()
        picture = Image.fromarray(frame.permute(1, 2, 0).numpy())
        if self.jpeg_quality is None:
            picture.save(data, "png", compress_level=_PNG_LEVEL)
            return _data_url("image/png", data.getvalue())
        picture.save(data, "jpeg", quality=self.jpeg_quality)
        return _data_url("image/jpeg", data.getvalue())


@dataclass(frozen=True, slots=True)
class AsVideo:
    """Every clip an MP4 file (H.264), and before it the times of its frames.

    Args:
        crf: x264's quality from 1 to 51 (worst), for files of the usual kind, 4:2:0, which lose detail
            and half of the colour's resolution; None for RGB without loss, which decoders in software
            read and those in hardware mostly don't.
    """

    crf: int | None = None

    def __post_init__(self) -> None:
        if self.crf is not None and not 1 <= self.crf <= 51:  # noqa: PLR2004 - x264's scale
            right = "must be from 1 to 51, or none to lose nothing"
            raise ConfigError(Mistake("--video-crf", str(self.crf), right))

    @property
    def identity(self) -> Mapping[str, object]:
        """The form of the files, and how much they lose."""
        if self.crf is None:
            return {"frames": "mp4", "pixels": "rgb", "qp": 0}
        return {"frames": "mp4", "pixels": "yuv420p", "crf": self.crf}

    def parts(self, clip: Clip) -> list[ContentPart]:
        """The times as text, and the file."""
        times = ", ".join(f"{time:.1f}" for time in clip.times.tolist())
        url = _data_url("video/mp4", mp4_of(clip, self.crf))
        return [
            _text(f"<frames at {times} seconds>"),
            {"type": "video_url", "video_url": {"url": url}},
        ]


def chat_of(sample: Sample, frames_as: FramesAs) -> list[dict[str, Any]]:
    """The sample's prompt as messages, with its clips in their places."""
    clips = iter(sample.clips)
    messages: list[dict[str, Any]] = []
    for message in sample.prompt:
        content: list[ContentPart] = []
        for part in message["content"]:
            if part["type"] == "video":
                content += frames_as.parts(next(clips))
            else:
                content.append(_text(part["text"]))
        if all(part["type"] == "text" for part in content):
            # Many servers take no parts but in messages of the user.
            text = "".join(part["text"] for part in content)
            messages.append({"role": message["role"], "content": text})
        else:
            messages.append({"role": message["role"], "content": content})
    return messages


def mp4_of(clip: Clip, crf: int | None = None) -> bytes:
    """A clip as an MP4 file whose time stamps are the clip's times, to 1/90,000 s, the first included.

    The last frame is shown as long as the one before it.

    Args:
        clip: with `crf`, an odd side gets its last row or column twice.
        crf: as in `AsVideo`.
    """
    ticks = [round(time * _TICKS) for time in clip.times.tolist()]
    ticks.append(ticks[-1] + (ticks[-1] - ticks[-2] if len(clip) > 1 else _TICKS))
    frames = clip.frames
    if crf is not None:
        margins = (0, clip.width % 2, 0, clip.height % 2)
        frames = torch.nn.functional.pad(frames.float(), margins, mode="replicate").to(torch.uint8)
    rate = Fraction(len(clip) * _TICKS, ticks[-1] - ticks[0]).limit_denominator(1001)
    file = BytesIO()
    # With the usual thousandth of a second, the start of the first frame would be rounded to it.
    options = {"movie_timescale": str(_TICKS)}
    with av.open(file, "w", format="mp4", options=options) as container:
        # By name, or the types would be those of any stream. Without loss, RGB stays RGB.
        stream = (
            container.add_stream("libx264rgb", rate=max(rate, Fraction(1)))
            if crf is None
            else container.add_stream("libx264", rate=max(rate, Fraction(1)))
        )
        stream.width, stream.height = frames.shape[3], frames.shape[2]
        stream.pix_fmt = "rgb24" if crf is None else "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.thread_count = 1  # the bytes that x264 writes depend on it
        context.max_b_frames = 0
        context.flags |= Flags.frame_duration  # or the muxer guesses how long the last frame lasts
        quality = {"qp": "0"} if crf is None else {"crf": str(crf)}
        context.options = {**quality, "preset": "veryfast", "x264-params": "cpu-independent=1"}
        if crf is not None:
            context.color_range = ColorRange.MPEG
            context.colorspace = context.color_primaries = context.color_trc = _BT709
        pictures = frames.permute(0, 2, 3, 1).contiguous().numpy()
        for picture, (start, stop) in zip(pictures, pairwise(ticks), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if crf is not None:
                frame = frame.reformat(
                    format="yuv420p",
                    dst_colorspace=Colorspace.ITU709,
                    dst_color_range=ColorRange.MPEG,
                    threads=1,
                )
            frame.time_base, frame.pts, frame.duration = context.time_base, start, stop - start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _text(text: str) -> ContentPart:
    return {"type": "text", "text": text}


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"
