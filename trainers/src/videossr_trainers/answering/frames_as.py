"""A sample as a chat of OpenAI's protocol: its clips as images with their times, or as video files.

The protocol knows no video, and servers that take one differ in what they make of its clock: some read
the time stamps of the file, some divide a frame's number by the average rate, and some count from the
first frame. So the times of the frames are always in the text, as the model is told them elsewhere.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Protocol

from PIL import Image

from videossr import ConfigError
from videossr.errors import Mistake
from videossr.video import mp4_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from videossr.clip import Clip
    from videossr.sample import Sample

#: A part of a message, in the protocol's own form.
ContentPart = dict[str, Any]

#: A step above the quickest of zlib: a third of the time of its usual level, a sixth more bytes.
_PNG_LEVEL: Final = 3


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
    """Every clip an MP4 file (H.264) with the times of its frames, which are told before it too.

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
        file = mp4_bytes(clip.frames, clip.times, crf=self.crf, from_zero=False)
        url = _data_url("video/mp4", file)
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


def _text(text: str) -> ContentPart:
    return {"type": "text", "text": text}


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"
