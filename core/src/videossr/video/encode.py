"""Writing frames as a video that browsers play."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
import torch
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace

from videossr.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

#: Ticks a second of the files written here. Usual frame rates are whole numbers of ticks.
_TICKS: Final = 90_000

#: Codes of BT.709, the same for primaries, transfer and matrix.
_BT709: Final = 1


def encode_mp4(
    frames: Tensor,
    times: float | Sequence[float] | Tensor,
    path: Path | str,
    *,
    crf: int | None = 23,
    durable: bool = True,
) -> None:
    """Write frames as an H.264 MP4 file, replacing the file in one step once it is complete.

    4:2:0, BT.709, index at the front. An odd side gets its last row or column twice. The same frames
    give the same file, byte for byte, with the same build of PyAV.

    Args:
        frames: uint8 [T, 3, H, W], RGB.
        times: frames a second, or T seconds, increasing, which are then counted from the first; the
            last frame is shown as long as the one before it.
        path: the file to write; missing folders are made.
        crf: quality from 0 (no loss but for the colour conversion) to 51 (worst); None for RGB without any
            loss, of any size, which decoders in software read and browsers mostly don't.
        durable: as for `videossr.atomic.replacing`.

    Raises:
        ValueError: frames, times or crf other than these.
    """
    with replacing(Path(path), durable=durable) as unfinished:
        _write(unfinished, frames, times, crf)


def mp4_bytes(
    frames: Tensor,
    times: float | Sequence[float] | Tensor,
    *,
    crf: int | None = 23,
    from_zero: bool = True,
) -> bytes:
    """As `encode_mp4`, for embedding in a page or a message.

    Args:
        frames, times, crf: as there.
        from_zero: whether times are counted from the first; if not, the first frame begins at its own.
    """
    with tempfile.TemporaryDirectory(prefix="videossr-") as folder:
        path = Path(folder, "clip.mp4")
        _write(path, frames, times, crf, from_zero=from_zero)
        return path.read_bytes()


def _ticks(
    frames: Tensor, times: float | Sequence[float] | Tensor, *, from_zero: bool
) -> list[int]:
    """The frames' times in ticks, and the end of the last frame."""
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3 or not len(frames):  # noqa: PLR2004
        raise ValueError(
            f"frames: {frames.dtype} {list(frames.shape)}; must be torch.uint8 [T, 3, H, W], T >= 1"
        )
    count = len(frames)
    if isinstance(times, int | float):
        if not 0 < times <= _TICKS:
            raise ValueError(f"times: {times} frames a second; must be above 0, at most {_TICKS}")
        return [round(_TICKS * i / times) for i in range(count + 1)]
    seconds = [float(time) for time in times]
    if len(seconds) != count:
        raise ValueError(f"times: {len(seconds)} for {count} frames; must be one for each frame")
    zero = seconds[0] if from_zero else 0.0
    ticks = [round((second - zero) * _TICKS) for second in seconds]
    if any(b <= a for a, b in pairwise(ticks)):
        raise ValueError(f"times: {seconds}; must increase by at least 1/{_TICKS} s")
    return [*ticks, ticks[-1] + (ticks[-1] - ticks[-2] if count > 1 else _TICKS)]


def _write(
    path: Path,
    frames: Tensor,
    times: float | Sequence[float] | Tensor,
    crf: int | None,
    *,
    from_zero: bool = True,
) -> None:
    ticks = _ticks(frames, times, from_zero=from_zero)
    if crf is not None and not 0 <= crf <= 51:  # noqa: PLR2004 - x264's scale
        raise ValueError(f"crf: {crf}; must be from 0 to 51, or None for RGB without loss")
    height, width = frames.shape[2:]
    if crf is not None:  # colour has half the resolution
        height, width = height + height % 2, width + width % 2
    rate = Fraction(len(frames) * _TICKS, ticks[-1] - ticks[0]).limit_denominator(1001)
    options = {"movflags": "+faststart"}
    if ticks[0]:  # with the usual thousandth of a second, the start would be rounded to it
        options["movie_timescale"] = str(_TICKS)
    with av.open(str(path), "w", format="mp4", options=options) as container:
        # By name, or the types would be those of any stream.
        stream = (
            container.add_stream("libx264rgb", rate=max(rate, Fraction(1)))
            if crf is None
            else container.add_stream("libx264", rate=max(rate, Fraction(1)))
        )
        stream.width, stream.height = width, height
        stream.pix_fmt = "rgb24" if crf is None else "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.thread_count = 1  # the bytes that x264 writes depend on it
        # The muxer takes the last frame written for the last one shown, and ends the file with it.
        context.max_b_frames = 0
        context.flags |= Flags.frame_duration  # or the muxer guesses how long the last frame lasts
        # x264's quick paths read past a line's end, and decide by what happens to lie there.
        quality = {"qp": "0"} if crf is None else {"crf": str(crf)}
        context.options = {**quality, "preset": "veryfast", "x264-params": "cpu-independent=1"}
        if crf is not None:
            context.color_range = ColorRange.MPEG
            context.colorspace = context.color_primaries = context.color_trc = _BT709
        for pixels, (start, stop) in zip(frames, pairwise(ticks), strict=True):
            frame = _frame(pixels, height, width, rgb=crf is None)
            frame.time_base, frame.pts, frame.duration = context.time_base, start, stop - start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _frame(pixels: Tensor, height: int, width: int, *, rgb: bool) -> av.VideoFrame:
    if rgb:
        return av.VideoFrame.from_ndarray(pixels.permute(1, 2, 0).contiguous().numpy(), "rgb24")
    even = torch.nn.functional.pad(
        pixels[None].float(),
        (0, width - pixels.shape[2], 0, height - pixels.shape[1]),
        mode="replicate",
    )[0].to(torch.uint8)
    frame = av.VideoFrame.from_ndarray(even.permute(1, 2, 0).contiguous().numpy(), "rgb24")
    return frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
