"""How clips are written: frames as images, or a clip as a video file, each under a name of its content.

The same pixels have the same name, whatever question they belong to, so that each is written once. Files
that are there are not written again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import torch
import xxhash
from PIL import Image

from videossr.atomic import write_bytes
from videossr.clip import Clip
from videossr.errors import ConfigError, Mistake
from videossr.export.clock import file_rate, mean_rate, told
from videossr.video import encode_mp4

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

#: What a clip may be written as.
Show = Literal["frames", "video"]

#: The folder of the files, below the folder that is handed over.
MEDIA: Final = "media"

#: A step above the quickest of zlib: a third of the time of its usual level, a sixth more bytes.
_PNG_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A clip as it was written.

    Attributes:
        files: below the folder that is handed over: an image for each frame, or one video.
        bytes: the size of each.
        frames, height, width: of the pictures; `frames` as read from the files.
        rate: frames a second at which readers take them, the mean.
        times: of the clip's own frames, in seconds.
        told: what has to be said to a reader who counts from zero at `rate`.
    """

    files: tuple[str, ...]
    bytes: tuple[int, ...]
    frames: int
    height: int
    width: int
    rate: float
    times: tuple[float, ...]
    told: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain values, which `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Shown:
        """What `as_json` gave, read from JSON."""
        lists = {name: tuple(part) for name, part in tree.items() if isinstance(part, list)}
        return cls(**{**tree, **lists})


class Writer(Protocol):
    """A way to write clips."""

    @property
    def show(self) -> Show:
        """What a clip becomes."""
        ...

    @property
    def identity(self) -> Mapping[str, object]:
        """What tells its files from those of other ways, as plain JSON values."""
        ...

    @property
    def words(self) -> str:
        """What the files are, in words."""
        ...

    def write(self, clip: Clip, folder: Path) -> Shown:
        """Write what is not there yet. Threads may do so side by side."""
        ...


@dataclass(frozen=True, slots=True)
class AsFrames:
    """Every frame an image.

    Args:
        jpeg_quality: 1 to 100, for images that lose a little; None for PNG, which loses nothing.
    """

    jpeg_quality: int | None = None

    @property
    def show(self) -> Show:
        """Images."""
        return "frames"

    @property
    def identity(self) -> Mapping[str, object]:
        """The form of the images."""
        return {"frames": "png" if self.jpeg_quality is None else "jpeg", **self._quality}

    @property
    def words(self) -> str:
        """The form and what it loses."""
        if self.jpeg_quality is None:
            return "a PNG image for each frame, without loss"
        return f"a JPEG image of quality {self.jpeg_quality} for each frame"

    def write(self, clip: Clip, folder: Path) -> Shown:
        """An image for each frame that has not been written yet."""
        kind = "png" if self.jpeg_quality is None else "jpg"
        named = [(frame, _name(self.identity, kind, frame)) for frame in clip.frames]
        for frame, name in named:
            if not (folder / name).exists():
                write_bytes(folder / name, self._image(frame), durable=False)
        return _shown(clip, tuple(name for _, name in named), folder, len(clip), mean_rate(clip))

    @property
    def _quality(self) -> dict[str, object]:
        return {} if self.jpeg_quality is None else {"quality": self.jpeg_quality}

    def _image(self, frame: Tensor) -> bytes:
        data = BytesIO()
        picture = Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy())
        if self.jpeg_quality is None:
            picture.save(data, "png", compress_level=_PNG_LEVEL)
        else:
            picture.save(data, "jpeg", quality=self.jpeg_quality)
        return data.getvalue()


@dataclass(frozen=True, slots=True)
class AsVideo:
    """Every clip an MP4 file (H.264) with the frames' own times, counted from the first.

    Args:
        crf: x264's quality from 0 to 51 (worst), for files of the usual kind, 4:2:0, which browsers play;
            None for RGB without loss.
        even: whether a clip of an odd number of frames gets its last one twice, for readers who take them
            by twos and would leave it out.
    """

    crf: int | None = None
    even: bool = False

    @property
    def show(self) -> Show:
        """A file."""
        return "video"

    @property
    def identity(self) -> Mapping[str, object]:
        """The form of the files."""
        return {"video": "h264", "crf": self.crf}

    @property
    def words(self) -> str:
        """The form and what it loses."""
        if self.crf is None:
            return "an MP4 file for each clip, H.264 in RGB without loss"
        return f"an MP4 file for each clip, H.264 4:2:0 at crf {self.crf}"

    def write(self, clip: Clip, folder: Path) -> Shown:
        """The file, if it has not been written yet."""
        shown = _evened(clip) if self.even else clip
        relative = (shown.times - shown.times[0]).contiguous()
        name = _name(self.identity, "mp4", shown.frames, relative)
        if not (folder / name).exists():
            encode_mp4(shown.frames, shown.times, folder / name, crf=self.crf, durable=False)
        return _shown(clip, (name,), folder, len(shown), file_rate(shown))


def writer_of(show: Show, *, jpeg_quality: int | None, video_crf: int | None, even: bool) -> Writer:
    """The way that options ask for.

    Raises:
        ConfigError: a quality out of range, or of the other way.
    """
    mistakes = []
    for option, value, top, of in (
        ("--jpeg-quality", jpeg_quality, 100, "frames"),
        ("--video-crf", video_crf, 51, "video"),
    ):
        least = 1 if of == "frames" else 0
        if value is not None and of != show:
            mistakes.append(
                Mistake(option, f"{value}, and clips are shown as {show}", f"--show {of}")
            )
        elif value is not None and not least <= value <= top:
            mistakes.append(Mistake(option, str(value), f"must be from {least} to {top}"))
    if mistakes:
        raise ConfigError(mistakes)
    return AsFrames(jpeg_quality) if show == "frames" else AsVideo(video_crf, even)


def _evened(clip: Clip) -> Clip:
    """A clip of an even number of frames, the last one twice if need be."""
    if len(clip) % 2 == 0:
        return clip
    step = clip.times[-1:] - clip.times[-2:-1] if len(clip) > 1 else torch.ones_like(clip.times)
    return Clip(
        torch.cat([clip.frames, clip.frames[-1:]]), torch.cat([clip.times, clip.times[-1:] + step])
    )


def _name(identity: Mapping[str, object], kind: str, *tensors: Tensor) -> str:
    """The name of a file by its content."""
    hasher = xxhash.xxh3_128(repr(sorted(identity.items())).encode())
    for tensor in tensors:
        hasher.update(str(tuple(tensor.shape)).encode())
        hasher.update(tensor.contiguous().numpy().data)
    key = hasher.hexdigest()
    return f"{MEDIA}/{key[:2]}/{key}.{kind}"


def _shown(clip: Clip, files: tuple[str, ...], folder: Path, frames: int, rate: float) -> Shown:
    return Shown(
        files=files,
        bytes=tuple((folder / name).stat().st_size for name in files),
        frames=frames,
        height=clip.height,
        width=clip.width,
        rate=rate,
        times=tuple(clip.times.tolist()),
        told=tuple(told(clip, rate)),
    )
