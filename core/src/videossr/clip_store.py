"""Decoded clips on disk, so that another epoch or another run decodes nothing.

A store is a folder with a file for each clip, before any alteration, named by a hash of all that
determines its pixels. It is a cache: whatever is missing, damaged or does not fit is decoded from the
video, to the same bits. Any number of processes may read and write one store at a time.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import safetensors
import torch
import xxhash
from filelock import FileLock
from PIL import Image
from safetensors.torch import load, save

from videossr.atomic import clear_unfinished, write_bytes
from videossr.clip import Clip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

Form = Literal["exact", "jpeg"]

#: JPEG's quality, 1 to 100. Part of what a clip is: another value would need another `Form`.
QUALITY: Final = 90

_SUFFIX: Final = ".clip"


def as_shown(clip: Clip, form: Form) -> Clip:
    """A clip as it comes back from a store of this form: "exact" is itself, "jpeg" loses a little."""
    return clip if form == "exact" else _unpack(_pack(clip, form))


class ClipStore:
    """A folder of clips.

    Args:
        folder: made if need be.
        max_bytes: what the files take together at most. A store that is full takes no more clips;
            none is thrown out for another, since an epoch reads them all equally often.

    Raises:
        OSError: the folder cannot be made or listed.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder: Final = folder
        self.max_bytes: Final = max_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._size: Final = folder / ".size"
        with self._writing():
            # A kill may have left these behind, or come between a file and its entry in the books.
            for below in folder.glob("??"):
                clear_unfinished(below)
            self._book(sum(path.stat().st_size for path in self._files()))

    def __len__(self) -> int:
        return len(self._files())

    @property
    def bytes(self) -> int:
        """What the files take together."""
        try:
            return int(self._size.read_text(encoding="ascii"))
        except (OSError, ValueError):  # damaged by hand
            return sum(path.stat().st_size for path in self._files())

    def __contains__(self, key: str) -> bool:
        return self._path(key).exists()

    def get(self, key: str) -> Clip | None:
        """The clip of this key, or None if it is not here, or damaged: then it is removed."""
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        try:
            return _opened(data)
        except ValueError:
            self._remove(key, len(data))
            return None

    def put(self, key: str, clip: Clip, form: Form) -> Clip:
        """Keep a clip, if there is room.

        Returns:
            The clip as `get` gives it, which in the form "jpeg" is not what was put in.
        """
        packed = _pack(clip, form)
        data = _sealed(packed)
        with self._writing():
            total = self.bytes
            path = self._path(key)
            if total + len(data) <= self.max_bytes and not path.exists():
                write_bytes(path, data, durable=False)  # sealed, so that a torn one is seen
                self._book(total + len(data))
        return clip if form == "exact" else _unpack(packed)

    def check(self) -> tuple[int, int]:
        """Read every clip, and remove those that are damaged.

        Returns:
            How many are sound, and how many were removed.
        """
        keys = [path.stem for path in self._files()]
        sound = sum(self.get(key) is not None for key in keys)
        return sound, len(keys) - sound

    def _files(self) -> list[Path]:
        return [path for path in self.folder.glob(f"??/*{_SUFFIX}") if path.name[0] != "."]

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def _writing(self) -> FileLock:
        """Held by whoever writes; a kill releases it. Made anew, since none outlives a fork."""
        return FileLock(self.folder / ".lock")

    def _book(self, size: int) -> None:
        self._size.write_text(str(size), encoding="ascii")

    def _remove(self, key: str, size: int) -> None:
        with self._writing():
            try:
                self._path(key).unlink()
            except FileNotFoundError:  # another was quicker
                return
            self._book(max(0, self.bytes - size))


def _pack(clip: Clip, form: Form) -> dict[str, Tensor]:
    if form == "exact":
        return {"times": clip.times, "frames": clip.frames}
    pictures = [_jpeg(frame) for frame in clip.frames]
    ends = torch.tensor([len(picture) for picture in pictures]).cumsum(0)
    data = torch.frombuffer(bytearray().join(pictures), dtype=torch.uint8)
    return {"times": clip.times, "jpeg": data, "ends": ends}


def _unpack(packed: dict[str, Tensor]) -> Clip:
    if "frames" in packed:
        return Clip(packed["frames"], packed["times"])
    pictures = packed["jpeg"].tensor_split(packed["ends"][:-1])
    first = _from_jpeg(pictures[0])
    frames = np.empty(
        (len(pictures), *first.shape), np.uint8
    )  # np.stack would keep the view's order
    frames[0] = first
    for frame, picture in zip(frames[1:], pictures[1:], strict=True):
        frame[:] = _from_jpeg(picture)
    return Clip(torch.from_numpy(frames), packed["times"])


def _jpeg(frame: Tensor) -> bytes:
    """A frame, uint8 [3, H, W], as a JPEG file."""
    data = BytesIO()
    Image.fromarray(frame.permute(1, 2, 0).numpy()).save(data, "jpeg", quality=QUALITY)
    return data.getvalue()


def _from_jpeg(data: Tensor) -> NDArray[np.uint8]:
    """The pixels of a JPEG file, uint8 [3, H, W], a view."""
    return np.asarray(Image.open(BytesIO(data.numpy().tobytes()))).transpose(2, 0, 1)


def _sealed(packed: dict[str, Tensor]) -> bytes:
    whole = {name: tensor.contiguous() for name, tensor in packed.items()}
    data = save(whole)
    return xxhash.xxh3_128_digest(data) + data


def _opened(data: bytes) -> Clip:
    """The clip in a sealed file.

    Raises:
        ValueError: it is not what was sealed.
    """
    seal, content = data[:16], data[16:]
    if xxhash.xxh3_128_digest(content) != seal:
        raise ValueError("damaged")
    try:
        return _unpack(load(content))
    except (safetensors.SafetensorError, KeyError, RuntimeError, OSError) as error:
        raise ValueError("not a clip") from error
